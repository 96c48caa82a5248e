import landing_figure
import nbformat
import pytest


def landing_notebook(tags=("landing",), alt="Gradients\n fall.", pictures=1):
    cell = nbformat.v4.new_code_cell("plot()", metadata={"tags": list(tags)})
    cell.metadata["mystnb"] = {"image": {"alt": alt}}
    picture = nbformat.v4.new_output("display_data", data={"image/png": "UE5H"})
    cell.outputs = [picture] * pictures
    return nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell("# T"), cell])


def test_landing_figure_is_the_stored_picture_with_its_description():
    assert landing_figure.extract(landing_notebook()) == (b"PNG", "Gradients fall.")


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"tags": []}, "0 cells are tagged 'landing'"),
        ({"alt": " "}, "no alternative text"),
        ({"pictures": 0}, "stores 0 PNG"),
        ({"pictures": 2}, "stores 2 PNG"),
    ],
)
def test_landing_figure_that_is_not_there_is_an_error(change, complaint):
    with pytest.raises(ValueError, match=complaint):
        landing_figure.extract(landing_notebook(**change))
