"""Uses an installed wheel from outside the checkout: python use_wheel.py FOLDER_OF_INSTALLATION."""

import hashlib
import subprocess
import sys
import time
from pathlib import Path

begin = time.perf_counter()
import dlnotes  # noqa: E402

seconds = time.perf_counter() - begin
package = Path(dlnotes.__file__).parent
assert package.is_relative_to(Path(sys.argv[1]).resolve()), f"not the wheel's: {package}"
assert "torch" not in sys.modules, "import dlnotes imports torch"
assert seconds < 1, f"import dlnotes took {seconds:.1f} s"

from dlnotes.files import read_sums  # noqa: E402

assert "torch" not in sys.modules, "import dlnotes.files imports torch"
count = 0
for table in (package / "_data").rglob("SHA256SUMS"):
    for name, digest in read_sums(table).items():
        content = (table.parent / name).read_bytes()
        assert hashlib.sha256(content).hexdigest() == digest, f"damaged: {name}"
        count += 1
assert count > 20, f"only {count} data files"
assert not list(package.rglob("*.ipynb")) and not (package / "_data" / "build.py").exists()

from dlnotes import data  # noqa: E402
from dlnotes.cnn import LeNet5  # noqa: E402

images, labels = data.mnist("test")
assert images.shape == (10_000, 1, 28, 28) and labels.shape == (10_000,)
assert LeNet5()(images[:2]).shape == (2, 10)

command = Path(sys.executable).with_name("dlnotes")
subprocess.run([command, "check"], check=True)
print(f"dlnotes {dlnotes.__version__}: {count} data files, {len(images)} test images")
