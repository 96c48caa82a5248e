import count_tests


def report(**numbers):
    counts = {"tests": 0, "failures": 0, "errors": 0, "skipped": 0} | numbers
    return "<testsuite " + " ".join(f'{key}="{value}"' for key, value in counts.items()) + "/>"


def test_count_covers_all_reports(tmp_path, capsys):
    (tmp_path / "a.xml").write_text(f"<testsuites>{report(tests=3)}</testsuites>")
    (tmp_path / "b.xml").write_text(report(tests=4, failures=1, skipped=1))
    assert count_tests.main(tmp_path) == 1
    assert capsys.readouterr().out == "5 passed, 1 failed, 1 skipped\n"


def test_count_of_nothing_is_a_failure(tmp_path, capsys):
    assert count_tests.main(tmp_path) == 1
    assert capsys.readouterr().out == "0 passed, 0 failed\n"
