"""The rules of form and teaching that every notebook keeps.

A rule is a function in a file of ``rules/``: it takes a ``Page`` and yields one sentence per fault.
Its decorator says of which notebooks it is asked, and changes of a good chapter that it must find
(``broken_by``) or must leave alone (``kept_by``); both are tried in ``test_rules.py``.

    @rule(CHAPTERS, broken_by=[add(code(LONG))])
    def code_length(page: Page) -> Faults:
        '''No code cell is longer than a slide.'''
        for number, cell in page.code:
            if len(cell.source.splitlines()) > MOST_LINES:
                yield f"cell {number}: {len(cell.source.splitlines())} lines of code"
"""
