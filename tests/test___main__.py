from __future__ import annotations

import sys
from types import ModuleType

import pytest

from archsmith.__main__ import main
from archsmith.core import launch


def test_ctrl_c_while_the_command_line_is_imported_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    class Slow(ModuleType):
        def __getattr__(self, name: str) -> object:
            raise KeyboardInterrupt if name == "main" else AttributeError(name)

    monkeypatch.setitem(sys.modules, "archsmith.cli.main", Slow("archsmith.cli.main"))
    with pytest.raises(SystemExit) as end:
        main()
    launch.begun()  # so that no other test begins with the time of this one
    assert (end.value.code, capsys.readouterr().err) == (130, "archsmith: Stopped.\n")
