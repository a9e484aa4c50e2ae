"""The commands and the code of docs/scale.md do what it says."""

import re
from pathlib import Path

import pytest

PAGE = (Path(__file__).parents[2] / "docs" / "scale.md").read_text()
COMMANDS = [line.split() for line in PAGE.splitlines() if line.startswith("mien read")]


@pytest.mark.slow
def test_every_command_and_all_code_of_the_page(pictures, mien, tmp_path):
    pictures.make(41)
    assert len(COMMANDS) == 2
    for words in COMMANDS:
        run = mien(*words[1:])
        _, told = run.communicate()
        assert run.returncode == 3, told
        pictures.check_all_once(tmp_path / words[words.index("-o") + 1], 41)
    names = {path.name for path in (tmp_path / "shards").iterdir()}
    assert names == set(re.findall(r"[_a-z]+[-0]*\.(?:parquet|csv|json|tar)", PAGE))
    known = {}
    for code in re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL):
        exec(code, known)
    assert (len(known["rows"]), list(known["smiles"])) == (40, ["file", "face", "AU12"])
