from __future__ import annotations

from pathlib import Path

import pytest
import torch

from archsmith.core.errors import UsageError
from archsmith.graphs.network import Network
from archsmith.spaces.conv_stages import ConvStages
from archsmith.training import device, precision
from archsmith.training.device import (
    _control_group_free,
    _machine_free,
    choose,
    free_memory_mb,
    placed,
    private_randomness,
    release,
    tuned,
)


def test_the_cpu_says_how_it_computes() -> None:
    found = choose("cpu")
    assert found.torch == torch.device("cpu")
    assert found.name == "cpu"
    # how many threads are fastest is measured later; this sentence would name another number
    assert found.sentence == "Training runs on the processor (CPU)."


@pytest.mark.parametrize("native", [True, False])
def test_the_cpu_promises_bfloat16_only_where_a_network_gains(native: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(precision, "_native_bfloat16", lambda: native)
    assert ("bfloat16" in choose("cpu").exact) is native and "bfloat16" not in choose("cpu").sentence


def test_auto_takes_what_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    assert choose().torch.type == "cpu"
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    assert choose().sentence == "Training runs on the graphics processor of this Mac."


def test_a_gpu_is_called_by_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda where: "NVIDIA H100")
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda where: (9, 0))
    assert choose("auto").sentence == "Training runs on the graphics processor NVIDIA H100."
    assert choose("auto").exact == "Numbers are bfloat16 where that is exact enough (CUDA)."
    assert choose("cuda:1").torch == torch.device("cuda", 1)
    with pytest.raises(UsageError, match="'cuda:2' is not here. There are 2 GPUs"):
        choose("cuda:2")


@pytest.mark.parametrize("name", ["gpu", "cuda:x", "cpu:1", "mps:0", "cuda:-1", "", "cuda:0:1"])
def test_unknown_devices_are_refused(name: str) -> None:
    with pytest.raises(UsageError, match="There is no device.*auto, cpu, cuda"):
        choose(name)


@pytest.mark.parametrize("name", ["cuda", "cuda:1", "mps"])
def test_absent_devices_are_refused_with_a_hint(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    with pytest.raises(UsageError, match=f"'{name}' is not here") as caught:
        choose(name)
    assert "cpu" in str(caught.value.hint)


def test_a_network_goes_where_it_is_needed_and_comes_back() -> None:
    space = ConvStages((1, 8, 8), n_outputs=10)
    network = Network(space.graph(space.first()), seed=0)
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    parameters = list(network.parameters())
    with pytest.raises(KeyError), placed(network, torch.device("cpu")):
        assert network.channels_last
        raise KeyError
    assert all(torch.equal(tensor, before[name]) for name, tensor in network.state_dict().items())
    assert all(a is b for a, b in zip(parameters, network.parameters(), strict=True))


def test_what_happens_inside_stays_inside() -> None:
    state, tuning = torch.random.get_rng_state(), torch.backends.cudnn.benchmark
    with private_randomness(torch.device("cpu")), tuned(torch.device("cuda")):
        assert torch.backends.cudnn.benchmark
        torch.manual_seed(5)
        torch.rand(3)
    assert torch.equal(state, torch.random.get_rng_state())
    assert torch.backends.cudnn.benchmark == tuning
    release(torch.device("cpu"))


def test_only_gpus_run_behind_the_program() -> None:
    assert [device.queues(torch.device(kind)) for kind in ("cpu", "cuda", "mps")] == [False, True, True]


# Memory


def test_free_memory_is_a_plausible_number() -> None:
    free = free_memory_mb()
    assert free is None or 10 < free < 1e8


def test_what_the_machine_has_free(tmp_path: Path) -> None:
    (tmp_path / "meminfo").write_text(
        "MemTotal:       2000 kB\nMemFree:  100 kB\nMemAvailable:    1000 kB\nHugePages_Total:       0\n"
    )
    assert _machine_free(tmp_path / "meminfo") == 1_024_000
    fallback = _machine_free(tmp_path / "none")
    assert fallback is None or fallback > 0


def test_the_limit_of_a_control_group_of_version_two(tmp_path: Path) -> None:
    group = tmp_path / "fs" / "a" / "b"
    group.mkdir(parents=True)
    (tmp_path / "own").write_text("0::/a/b\n")
    (group / "memory.max").write_text("max\n")
    (group / "memory.current").write_text("300\n")
    (group / "memory.stat").write_text("anon 100\ninactive_file 50\n")
    assert list(_control_group_free(tmp_path / "own", tmp_path / "fs")) == []
    above = group.parent
    (above / "memory.max").write_text("1000\n")
    (above / "memory.current").write_text("600\n")
    (above / "memory.stat").write_text("anon 100\ninactive_file 150\n")
    assert list(_control_group_free(tmp_path / "own", tmp_path / "fs")) == [550]


def test_the_limit_of_a_control_group_of_version_one(tmp_path: Path) -> None:
    # As inside a container: the path is that of the host, the group itself is mounted at the root.
    group = tmp_path / "fs" / "memory"
    group.mkdir(parents=True)
    (tmp_path / "own").write_text("9:name=systemd:/\n4:cpu,memory:/docker/1234\n0::/\n")
    (group / "memory.limit_in_bytes").write_text("1000\n")
    (group / "memory.usage_in_bytes").write_text("600\n")
    (group / "memory.stat").write_text("inactive_file 1\ntotal_inactive_file 150\n")
    assert list(_control_group_free(tmp_path / "own", tmp_path / "fs")) == [550]
    (group / "memory.limit_in_bytes").write_text("9223372036854771712\n")
    assert list(_control_group_free(tmp_path / "own", tmp_path / "fs")) == []


def test_no_control_groups_no_limit(tmp_path: Path) -> None:
    assert list(_control_group_free(tmp_path / "none")) == []
