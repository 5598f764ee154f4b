from archsmith.core.seeds import derive, generator


def test_seeds_depend_on_every_part_and_nothing_else():
    assert derive(0, "trial", 7) == derive(0, "trial", 7) == 5716027875180767030
    assert len({derive(0, "trial", 7), derive(1, "trial", 7), derive(0, "trial", 8), derive(0, "ask", 7)}) == 4
    assert generator(3, "x").random() == generator(3, "x").random()
