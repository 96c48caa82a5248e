"""nbgrader's settings for this course. The machine's marks come from `make grade`."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

c = get_config()  # noqa: F821
c.CourseDirectory.course_id = "weight_initialization"
c.CourseDirectory.root = str(Path(__file__).resolve().parent)
c.ClearSolutions.code_stub = {"python": "raise NotImplementedError()"}
c.Autograde.autograde_preprocessors = [
    "grading.execute.Execute",  # in the sandbox; refused outside of `make grade`
    "nbgrader.preprocessors.IgnorePattern",
    "nbconvert.preprocessors.ClearMetadataPreprocessor",
    "nbgrader.preprocessors.LimitOutput",
    "nbgrader.preprocessors.SaveAutoGrades",
    "nbgrader.preprocessors.AssignLatePenalties",
    "nbgrader.preprocessors.CheckCellMetadata",
]
c.ClearMetadataPreprocessor.enabled = True
c.ClearMetadataPreprocessor.preserve_cell_metadata_mask = [
    ("nbgrader",),
    ("rubric",),
    ("magics_language",),
]
c.ClearMetadataPreprocessor.preserve_nb_metadata_mask = [("language_info",)]
c.GenerateFeedback.preprocessors = [
    "nbgrader.preprocessors.GetGrades",
    "grading.execute.HideRubrics",
    "nbconvert.preprocessors.CSSHTMLHeaderPreprocessor",
]
c.HTMLExporter.sanitize_html = True
