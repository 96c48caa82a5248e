"""Grading of the exercises: the checker asks, the student's kernel answers with numbers.

Marks are computed outside of that kernel, which runs in a sandbox. In reading order:

- what a check is: `codec` (values as text), `asking` (questions), `checking` (comparisons, parts
  of a check), `marking` (the marks of one task);
- what students get: `course` (folders, secret), `gradebook` (whether it fits), `release`;
- what they hand in: `collect` (out of an LMS), `submitted`, `rebuild` (from the release),
  `outputs` and `drawing` (what of it pages show), `prepare` (in a process with limits);
- how it is run: `system_calls`, `sockets`, `watch`, `sandbox`, `kernel`, `execute` (one notebook),
  `by_hand` (what people have graded stays graded), `batch` (all of them);
- what comes out: `report`, `feedback`, `lms`; and `samples`, three submissions to try it with.
"""
