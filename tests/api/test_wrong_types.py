"""What is no picture, edit or face is refused in mien's words. In a process of its own, for the tests check types before mien does."""

import json
import subprocess
import sys

import pytest

WRONG = {
    "mien.read(None)": ("UsageError", "None is no picture: give a path"),
    "mien.read([3])": ("UsageError", "3 is no picture: give a path"),
    "mien.edit(None, 'AU12=1')": ("UsageError", "None is no picture: give a path"),
    "mien.edit(face, {'AU12': 'x'})": ("EditError", "AU12='x': an intensity is a number from 0 to 5"),
    "mien.edit(face, None)": ("EditError", "cannot read the edit None: write AU12=+2"),
    "mien.edit(face, ['AU12=1', 3])": ("EditError", "cannot read the edit 3: write AU12=+2"),
    "mien.edit(face, 'AU12=1', face='1')": ("UsageError", "face='1': give a number from 0"),
    "mien.capture(face, face='1')": ("UsageError", "face='1': give a number from 0"),
}
SCRIPT = """
import json, sys
import mien
face, told = sys.argv[1], {}
for call in sys.argv[2:]:
    try:
        eval(call)
    except Exception as error:
        told[call] = [type(error).__name__, str(error)]
print(json.dumps(told))
"""


@pytest.fixture(scope="module")
def told(drawn_file):
    run = subprocess.run([sys.executable, "-c", SCRIPT, str(drawn_file), *WRONG], capture_output=True, text=True, check=True)
    return json.loads(run.stdout)


@pytest.mark.parametrize("call", WRONG)
def test_a_wrong_type_is_told_in_the_words_of_mien(told, call):
    kind, says = WRONG[call]
    assert told[call][0] == kind
    assert says in told[call][1]
