import execute_notebooks
import nbformat
import pytest


def write_notebook(path, source):
    cells = [nbformat.v4.new_code_cell(source, id="only")]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), path)


def test_executing_a_notebook_stores_outputs_and_nothing_of_the_machine(tmp_path):
    path = tmp_path / "lesson.ipynb"
    write_notebook(path, "print(6 * 7)")
    execute_notebooks.execute(path)
    stored = nbformat.read(path, as_version=4)
    assert stored.cells[0].outputs[0].text == "42\n"
    assert stored.cells[0].execution_count == 1
    assert stored.cells[0].metadata == {}
    assert stored.metadata == execute_notebooks.METADATA
    assert list(tmp_path.iterdir()) == [path]


def test_a_notebook_that_fails_is_left_as_it_was(tmp_path):
    path = tmp_path / "lesson.ipynb"
    write_notebook(path, "1 / 0")
    before = path.read_bytes()
    with pytest.raises(Exception, match="ZeroDivisionError"):
        execute_notebooks.execute(path)
    assert path.read_bytes() == before


def test_notebooks_are_executed_in_the_order_of_the_folders_named(tmp_path):
    for name in ("b/2", "b/1", "a/3", "b/.ipynb_checkpoints/1"):
        path = tmp_path / f"{name}.ipynb"
        path.parent.mkdir(parents=True, exist_ok=True)
        write_notebook(path, "")
    found = execute_notebooks.find([tmp_path / "b", tmp_path / "a"])
    assert [path.stem for path in found] == ["1", "2", "3"]


def test_no_notebook_to_execute_is_an_error(tmp_path):
    with pytest.raises(FileNotFoundError, match="no notebook in"):
        execute_notebooks.find([tmp_path])
