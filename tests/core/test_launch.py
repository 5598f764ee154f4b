import subprocess
import sys
import time

from archsmith.core import launch


def test_the_first_one_gets_the_start_of_the_program_and_others_the_present() -> None:
    before = time.time()
    launch.note()
    noted = time.time()
    assert before <= launch.begun() <= noted
    assert launch.begun() >= noted


def test_the_command_line_begins_with_a_note() -> None:
    code = (
        "import sys, archsmith.__main__ as program, archsmith.core.launch as launch\n"
        "sys.argv = ['archsmith', '--version']\n"
        "try:\n    program.main()\nfinally:\n    print('noted', len(launch._at))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=False)
    assert "noted 1" in done.stdout
