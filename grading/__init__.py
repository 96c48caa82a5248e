"""Grading of the exercises: the checker asks, the student's kernel answers with numbers.

Marks are computed outside of that kernel, which runs in a sandbox. In reading order: `codec`,
`checking`, `release`, `rebuild`, `sandbox`, `execute`, `batch`, `report`, `lms`.
"""
