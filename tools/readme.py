"""Writes README.md from nbs/index.ipynb: `python tools/readme.py`, or `--check` to say whether it is stale.

Cells marked `#| hide` are left out; of a cell marked `#| echo: false` only the result is kept, and it is made anew, so that the map
of lessons can't be out of date. Links are turned from the notebook's folder to the top folder."""
import ast, posixpath, re, sys
from pathlib import Path

import nbformat
from nbconvert import MarkdownExporter

ROOT = Path(__file__).resolve().parents[1]
NOTEBOOK, README = ROOT/'nbs'/'index.ipynb', ROOT/'README.md'
DIRECTIVE = re.compile(r'^#\|.*\n?', re.MULTILINE)
LINK = re.compile(r'(!?\[(?:[^\[\]]|\[[^\]]*\])*\]\()([^)\s]+)(\))')


def directives(cell):
    "The words after `#|` in a code cell, such as `hide` or `echo: false`."
    return {line[2:].strip() for line in cell.source.splitlines() if line.startswith('#|')} if cell.cell_type == 'code' else set()


def fresh_result(source):
    "Runs a cell that shows a Markdown table; returns the Markdown of its last expression."
    *body, last = ast.parse(source).body
    names = {}
    exec(compile(ast.Module(body, []), 'index.ipynb', 'exec'), names)
    return eval(compile(ast.Expression(last.value), 'index.ipynb', 'eval'), names).data


def from_the_top(text, folder='nbs'):
    "Links relative to a folder, made relative to the folder above; addresses, anchors and code blocks are left as they are."
    def turn(match):
        target = match[2]
        if re.match(r'[a-z][a-z0-9+.-]*:|#|/', target): return match[0]
        return match[1] + posixpath.normpath(posixpath.join(folder, target)) + match[3]
    parts = re.split(r'(```.*?```)', text, flags=re.DOTALL)
    return ''.join(part if part.startswith('```') else re.sub(LINK, lambda m: turn(m), part) for part in parts)


def keep(cell):
    "The cell as the README shows it, or `None`."
    marks = directives(cell)
    if 'hide' in marks or not cell.source.strip(): return None
    if 'echo: false' in marks: return nbformat.v4.new_markdown_cell(from_the_top(fresh_result(cell.source)))
    if cell.cell_type == 'markdown': return nbformat.v4.new_markdown_cell(from_the_top(cell.source))
    shown = nbformat.v4.new_code_cell(DIRECTIVE.sub('', cell.source).strip(), outputs=[o for o in cell.outputs if plain(o)])
    return shown


def plain(output):
    "Only text is taken over: a picture would need a file, HTML does not show on every host."
    return output.output_type == 'stream' or 'text/plain' in output.get('data', {}) and not {'text/html', 'image/png'} & set(output.data)


def readme():
    "The text of README.md."
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    cells = [shown for cell in notebook.cells if (shown := keep(cell)) is not None]
    text, _ = MarkdownExporter().from_notebook_node(nbformat.v4.new_notebook(cells=cells, metadata={'language_info': {'name': 'python'}}))
    text = re.sub(r'[ \t]+$', '', text, flags=re.MULTILINE)
    return '<!-- made from nbs/index.ipynb by `make readme` -->\n' + re.sub(r'\n{3,}', '\n\n', text).strip() + '\n'


def main(check):
    new = readme()
    old = README.read_text(encoding='utf-8') if README.exists() else ''
    if old == new: print('README.md is up to date')
    elif check: print('README.md is stale: run `make readme`')
    else:
        README.write_text(new, encoding='utf-8', newline='\n')
        print('README.md written')
    return int(check and old != new)


if __name__ == '__main__':
    raise SystemExit(main('--check' in sys.argv[1:]))
