// Runs suite.py on CPython 3.14 for WebAssembly, in Node: node run.mjs REPOSITORY PACKAGES [pytest's arguments]
import { loadPyodide } from 'pyodide'

const [root, packages, ...more] = process.argv.slice(2)
const python = await loadPyodide()

function mount(from, to) {
  python.FS.mkdirTree(to)
  python.FS.mount(python.FS.filesystems.NODEFS, { root: from }, to)
}

mount(packages, '/packages')
// Not the whole of tests/: its conftest.py starts engines, which this Python cannot.
for (const each of ['src', 'bench', 'docs']) mount(`${root}/${each}`, `/repository/${each}`)
for (const each of ['core', 'handlers', 'kit', 'data', 'python314']) mount(`${root}/tests/${each}`, `/repository/tests/${each}`)
mount(root, '/root')
python.globals.set('more', python.toPy(more))
process.exitCode = python.runPython(`
import os, shutil, sys
shutil.copy('/root/pyproject.toml', '/repository')
os.chdir('/repository')
sys.path[:0] = ['/packages', '/repository/src', '/repository/tests', '/repository']
from python314 import suite
suite.main(more)
`)
