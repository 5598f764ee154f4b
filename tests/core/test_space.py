import math
import re
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np
import pytest

from archsmith.core.architecture import Architecture
from archsmith.core.errors import DeadEnd, InvalidArchitectureError, UsageError
from archsmith.core.size import Size
from archsmith.core.space import Choose, Range, Space


@dataclass(frozen=True)
class Chain(Space):
    """``depth`` layers; a pool is offered only after a conv; layer options depend on what came before."""

    def decide(self, choose):
        before = "pool"
        for i in range(choose("depth", (1, 2, 3))):
            before = choose(f"layer{i}", ("conv", "pool") if before == "conv" else ("conv", "sep"))


@dataclass(frozen=True)
class Corner(Space):
    """Half of the answers run into a corner."""

    def decide(self, choose):
        if choose("door", ("wall", "way")) == "wall":
            raise DeadEnd("a wall")
        choose("room", (1, 2))


@dataclass(frozen=True)
class Decades(Space):
    digits: int = 4

    def decide(self, choose):
        for i in range(self.digits):
            choose(f"digit{i}", tuple(range(10)))


@dataclass(frozen=True)
class Numbers(Space):
    def decide(self, choose):
        choose("lr", Range(1e-4, 1.0, log=True))
        choose("n", Range(3, 9))


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def test_enumeration_is_complete_and_without_repeats():
    points = list(Chain().enumerate())
    # depth 1: 2; depth 2: conv→2, sep→2 = 4; depth 3: the two-layer words times two = 8
    assert len(points) == len(set(points)) == 14 == Chain().count()
    assert all(point in Chain() for point in points)


def test_enumeration_skips_dead_ends():
    assert [dict(a) for a in Corner().enumerate()] == [{"door": "way", "room": 1}, {"door": "way", "room": 2}]


def test_counting_knows_its_limit():
    assert Chain().count(13) is None
    assert Numbers().count() is None


def test_counting_tells_how_far_it_is_and_can_be_ended():
    space, seen = Decades(4), []
    assert space.count(on_progress=seen.append) == 10_000
    assert seen == [1000 * i for i in range(1, 11)]
    assert space.count(on_progress=lambda n: n >= 3000) is None


def test_counting_tells_how_far_it_is_among_dead_ends():
    @dataclass(frozen=True)
    class Maze(Decades):
        def decide(self, choose):
            super().decide(choose)
            raise DeadEnd("no way")

    assert Maze(4).count(on_progress=lambda n: True) is None
    assert Maze(3).count() == 0


def test_a_small_space_is_counted_and_a_large_one_estimated():
    assert Chain().size() == Size(14)
    assert Corner().size() == Size(2)
    assert Decades(3).size() == Size(1000)
    large = Decades(8).size()
    assert not large.exact and large.number == pytest.approx(10**8)


@dataclass(frozen=True)
class Cheap(Space):
    """All but the first few of a million answers are too large, which random walks do not find out."""

    def decide(self, choose):
        if choose("a", tuple(range(1000))) + choose("b", tuple(range(1000))) > 3:
            raise DeadEnd("too large")


def test_points_that_no_walk_found_are_counted_as_far_as_it_goes():
    found = Cheap().size()
    assert (found.number, found.exact, found.rough, found.high) == (10, False, True, math.inf)
    assert "more than" in str(found)


def test_a_seed_of_64_bits_is_counted_and_enumerated():
    @dataclass(frozen=True)
    class Seeded(Space):
        def decide(self, choose):
            choose("kind", ("a", "b"))
            choose("seed", Range(0, 2**64 - 1))

    assert Seeded().size().number == pytest.approx(2**65)
    assert [dict(point) for point in islice(Seeded().enumerate(), 2)] == [{"kind": "a", "seed": i} for i in (0, 1)]
    assert Seeded().count(5) is None


def test_a_space_may_know_its_size():
    @dataclass(frozen=True)
    class Known(Decades):
        def known_size(self):
            return 10**self.digits

    assert Known(30).size() == Size(10**30)


def test_real_numbers_and_endless_questions_make_a_space_infinite():
    @dataclass(frozen=True)
    class Coins(Space):
        def decide(self, choose):
            i = 0
            while choose(f"coin{i}", ("again", "end")) == "again":
                i += 1

    @dataclass(frozen=True)
    class OtherCoins(Space):
        def decide(self, choose):
            i = 0
            while choose(f"coin{i}", ("end", "again")) == "again":
                i += 1

    assert Numbers().size().number == Coins().size().number == math.inf
    assert "'lr' is a real number" in str(Numbers().size())
    assert "ever more questions" in str(Coins().size())
    assert Coins().count(100) is OtherCoins().count(100) is None
    assert OtherCoins().size().high == math.inf  # walks alone would say 18, plus or minus 1


def test_the_size_of_a_program_that_fails_or_never_ends_is_refused():
    for space, words in ((Fails(), "KeyError"), (Recurses(), "never ends"), (Loops(), "never ends")):
        with pytest.raises(UsageError, match=words):
            space.size()
    with pytest.raises(UsageError, match="KeyError"):
        Fails().count()


def test_sampling_is_uniform_per_decision(rng):
    counts = {"conv": 0, "sep": 0}
    for _ in range(2000):
        counts[Chain().sample(rng)["layer0"]] += 1
    assert 880 <= counts["conv"] <= 1120  # 5.4 standard deviations: fails by chance less than once in 10 million seeds


def test_sampling_retries_dead_ends(rng):
    assert {Corner().sample(rng)["door"] for _ in range(50)} == {"way"}


def test_weights_are_respected(rng):
    @dataclass(frozen=True)
    class Weighted(Space):
        def decide(self, choose):
            choose("x", ("a", "b", "never"), weights=(1, 3, 0))

    draws = [Weighted().sample(rng)["x"] for _ in range(2000)]
    assert "never" not in draws
    assert 1380 <= draws.count("b") <= 1620  # 6.2 standard deviations


def test_a_mutation_never_draws_an_option_of_weight_0(rng):
    @dataclass(frozen=True)
    class Weighted(Space):
        def decide(self, choose):
            choose("x", ("a", "never"), weights=(1, 0))
            choose("y", (1, 2, 3), weights=(1, 1, 0))

    @dataclass(frozen=True)
    class Settled(Space):
        def decide(self, choose):
            choose("x", ("a", "never"), weights=(1, 0))

    start, never = Architecture({"x": "a", "y": 1}), Architecture({"x": "never"})
    children = {Weighted().mutate(start, rng, n_changes) for n_changes in (1, 2) for _ in range(20)}
    assert children == {Architecture({"x": "a", "y": 2})}
    assert Settled().mutate(Architecture({"x": "a"}), rng) == Architecture({"x": "a"})  # nothing can be changed
    assert never in Settled() and Settled().mutate(never, rng) == Architecture({"x": "a"})


def test_a_path_asked_again_gets_the_same_answer(rng):
    @dataclass(frozen=True)
    class Twice(Space):
        def decide(self, choose):
            assert choose("x", tuple(range(100))) == choose("x", tuple(range(100)))

    assert len(Twice().sample(rng)) == 1


def test_mutation_changes_one_answer_and_repairs_the_rest(rng):
    space, parent = Chain(), Architecture({"depth": 3, "layer0": "conv", "layer1": "pool", "layer2": "conv"})
    for _ in range(100):
        child = space.mutate(parent, rng)
        assert child != parent
        space.validate(child)


def test_a_number_of_changes_may_come_from_numpy():
    parent = Chain().sample(np.random.default_rng(0))
    children = [Chain().mutate(parent, np.random.default_rng(1), n_changes) for n_changes in (2, np.int64(2))]
    assert children[0] == children[1] != parent


def test_mutation_of_the_only_point_returns_it(rng):
    @dataclass(frozen=True)
    class One(Space):
        def decide(self, choose):
            choose("x", (1,))

    assert One().mutate(Architecture({"x": 1}), rng) == Architecture({"x": 1})


def test_crossover_takes_answers_from_both(rng):
    a = Architecture({"depth": 2, "layer0": "conv", "layer1": "pool"})
    b = Architecture({"depth": 2, "layer0": "sep", "layer1": "sep"})
    children = {Chain().crossover(a, b, rng) for _ in range(60)}
    assert a in children and b in children and len(children) > 2
    assert all(child in Chain() for child in children)


def test_neighbours_differ_in_one_place():
    start = Architecture({"depth": 1, "layer0": "conv"})
    assert {tuple(n.values()) for n in Chain().neighbours(start)} == {
        (2, "conv", "conv"),
        (3, "conv", "conv", "conv"),
        (1, "sep"),
    }


def test_neighbours_step_along_ranges():
    found = [dict(n) for n in Numbers().neighbours(Architecture({"lr": 0.01, "n": 3}))]
    assert [n["n"] for n in found if n["lr"] == 0.01] == [4]
    assert len([n for n in found if n["lr"] != 0.01]) == 2


@pytest.mark.parametrize(
    ("decisions", "words"),
    [
        ({"depth": 1}, "'layer0' is missing"),
        ({"depth": 4}, "'depth' cannot be 4"),
        ({"depth": True, "layer0": "conv"}, "'depth' cannot be True"),
        ({"depth": 1, "layer0": "conv", "layer1": "conv"}, "'layer1' is unknown"),
        ({"depth": 2, "layer0": "sep", "layer1": "pool"}, "'layer1' cannot be 'pool'"),
    ],
)
def test_validation_names_the_first_path_that_does_not_fit(decisions, words):
    with pytest.raises(InvalidArchitectureError, match=words):
        Chain().validate(decisions)
    assert decisions not in Chain()


def test_enumeration_refuses_real_numbers():
    with pytest.raises(UsageError, match="'lr' is a real number"):
        list(Numbers().enumerate())


def test_ranges_keep_types_and_bounds(rng):
    for _ in range(200):
        point = Numbers().sample(rng)
        assert type(point["lr"]) is float and 1e-4 <= point["lr"] <= 1.0
        assert type(point["n"]) is int and 3 <= point["n"] <= 9
    integers = Range(3, 9)
    assert {integers.at(u) for u in np.linspace(0, 1, 100)} == set(range(3, 10))
    assert Range(0.1, 10.0, log=True).unit(1.0) == pytest.approx(0.5)
    assert 3.0 not in integers and True not in Range(0, 1)


def test_a_space_of_dead_ends_says_so(rng):
    @dataclass(frozen=True)
    class Nowhere(Space):
        def decide(self, choose):
            choose("x", ())

    with pytest.raises(DeadEnd, match="'x' has no options"):
        Nowhere().sample(rng)


def test_a_sketch_has_the_answers_and_the_places_of_ordered_ones():
    class Program(Space):
        def decide(self, choose):
            choose("width", (8, 16, 64))
            choose("op", ("a", "b", "c"))
            choose("two", (1, 2))
            choose("rate", Range(0.01, 1.0, log=True))

    sketch = Program().sketch(Architecture({"width": 16, "op": "c", "two": 2, "rate": 0.1}))
    assert sketch.live == {"width": 16, "op": "c", "two": 2}
    assert sketch.numbers == pytest.approx({"place of width": 0.5, "place of rate": 0.5})
    assert sketch.paths is None


# Anybody's code


class Fails(Space):
    def decide(self, choose):
        choose("first", (1, 2))
        raise KeyError("colour")


class FailsAtOnce(Space):
    def decide(self, choose):
        raise ValueError("\ud800 broken")


class Recurses(Space):
    def decide(self, choose, depth=0):
        choose(f"level{depth}", (1, 2))
        self.decide(choose, depth + 1)


class Loops(Space):
    def decide(self, choose):
        i = 0
        while True:
            choose(f"step{i}", (1,))
            i += 1


class Turns(Space):
    def decide(self, choose):
        while choose("more", (True,)):
            pass


class Nests(Space):
    def decide(self, choose):
        if choose("kind", ("nest",)) == "nest":
            self.decide(choose)


class Shrinks(Space):
    """Asks for one kernel at two places, of which the second allows less."""

    def decide(self, choose):
        choose("kernel", (3, 5))
        choose("kernel", (3,))


class Retypes(Space):
    def decide(self, choose):
        choose("rate", Range(1, 2))
        choose("rate", Range(1.0, 2.0))


class Shares(Space):
    """Asks twice for the same."""

    def decide(self, choose):
        for options in ((1, 2), [1, 2], range(1, 3)):
            choose("kernel", options)
            choose("rate", Range(0.0, 1.0))


@pytest.mark.parametrize(
    ("space", "words"),
    [
        (Shrinks, r"'kernel' is asked a second time with other options: 3, and before one of 3, 5\. Give each"),
        (Retypes, r"'rate' is asked a second time with other options: a number from 1\.0 to 2\.0, and before an"),
    ],
)
def test_a_path_that_is_asked_again_with_other_options_is_refused(space, words, rng):
    with pytest.raises(UsageError, match=words):
        space().sample(rng)


def test_a_path_may_be_asked_again_with_the_same_options(rng):
    assert list(Shares().sample(rng)) == ["kernel", "rate"]


@pytest.mark.parametrize(
    ("space", "words"),
    [
        (Turns, r"Turns\.decide never ends: it asks 'more' again and again, and one path has one answer\. Give each"),
        (Nests, r"Nests\.decide never ends: it asks 'kind' again and again"),
        (Fails, r"Fails\.decide raised KeyError: 'colour'\. Its last question was 'first'\."),
        (FailsAtOnce, r"FailsAtOnce\.decide raised ValueError: \? broken\. It had asked nothing yet\."),
        (Recurses, r"Recurses\.decide never ends: it had asked \d+ questions\. Its last question was 'level\d+'\."),
        (Loops, r"Loops\.decide never ends: it had asked 100,000 questions\. Its last question was 'step99999'\."),
    ],
)
def test_a_program_that_fails_or_never_ends_is_told_with_its_last_question(space, words, rng):
    with pytest.raises(UsageError, match=words):
        space().sample(rng)


@dataclass(frozen=True)
class Asking(Space):
    """Asks one question, as it is told."""

    options: tuple
    weights: tuple | None = None

    def decide(self, choose):
        choose("x", self.options, self.weights)


@pytest.mark.parametrize(
    ("space", "words"),
    [
        (Asking((1, 2, 1)), r"'x' has the option 1 twice"),
        (Asking((1, [2])), r"'x' has the option \[2\], which is a list"),
        (Asking((1, 2), (0, 0)), r"the weights \(0, 0\)\. Each is 0 or more"),
        (Asking((1, 2), (1, -1)), r"the weights \(1, -1\)\."),
        (Asking((1, 2), (1, float("nan"))), r"the weights"),
        (Asking((1, 2), (1, 1, 1)), r"3 weights for 2 options"),
    ],
)
def test_odd_options_and_weights_are_refused_whoever_asks(space, words):
    with pytest.raises(UsageError, match=words):
        space.sample(np.random.default_rng(0))
    with pytest.raises(UsageError, match=words):
        space.validate(Architecture({"x": 1}))


def test_equal_numbers_of_other_types_are_options_of_their_own():
    for answer in (1, 1.0, True):
        Asking((1, 1.0, True)).validate(Architecture({"x": answer}))


@pytest.mark.parametrize(
    ("use", "words"),
    [
        (
            lambda space, rng, a: space.sample(0),
            r"generator rng cannot be 0\. .* numpy\.random\.default_rng\(0\)",
        ),
        (lambda space, rng, a: space.sample(np.random), r"random generator rng cannot be a module"),
        (lambda space, rng, a: space.complete(a, 0), r"random generator rng cannot be 0"),
        (lambda space, rng, a: space.complete(3, rng), r"An architecture cannot be 3\."),
        (lambda space, rng, a: space.mutate(a, 0), r"random generator rng cannot be 0"),
        (lambda space, rng, a: space.mutate(3, rng), r"An architecture cannot be 3\."),
        (lambda space, rng, a: space.mutate(a, rng, "2"), r"n_changes cannot be '2'\."),
        (lambda space, rng, a: space.mutate(a, rng, 0), r"n_changes cannot be 0\."),
        (lambda space, rng, a: space.crossover(a, 3, rng), r"An architecture cannot be 3\."),
        (lambda space, rng, a: list(space.neighbours(a, 3)), r"random generator rng cannot be 3"),
        (lambda space, rng, a: space.validate("depth"), r"An architecture cannot be 'depth'\."),
        (lambda space, rng, a: space.size("all"), r"The argument n_walks of Space\.size cannot be 'all'\."),
        (lambda space, rng, a: Range("1", 2), r"Range\.low cannot be '1'\."),
        (lambda space, rng, a: Range(1, math.inf), r"Range\.high cannot be inf\."),
    ],
)
def test_a_slip_is_one_sentence(use, words):
    rng = np.random.default_rng(0)
    with pytest.raises(UsageError, match=words):
        use(Chain(), rng, Chain().sample(rng))


def test_plain_mappings_are_architectures_too():
    rng = np.random.default_rng(0)
    child = Chain().mutate(dict(Chain().sample(rng)), rng)
    assert isinstance(child, Architecture) and child in Chain()
    assert 3 not in Chain()


def test_numpys_whole_numbers_make_a_range_of_whole_numbers():
    assert Range(np.int64(1), np.int64(5)).integer


def asking(question):
    @dataclass(frozen=True)
    class Odd(Space):
        def decide(self, choose):
            return question(choose)

    return Odd()


@pytest.mark.parametrize(
    ("question", "words"),
    [
        (
            lambda choose: choose("act", "relu"),
            r"The options of the decision 'act' cannot be 'relu'\. Give them in a",
        ),
        (lambda choose: choose("act", {1, 2}), r"The options of the decision 'act' cannot be a set\."),
        (lambda choose: choose("act", 5), r"The options of the decision 'act' cannot be 5\."),
        (lambda choose: choose("act", np.arange(3)), r"cannot be a ndarray\. Give them in a tuple of plain numbers"),
        (lambda choose: choose("act", (i for i in (1, 2))), r"cannot be a generator\."),
        (lambda choose: choose((1, 2), "act"), r"The path of a decision cannot be \(1, 2\)\. Its name comes first"),
        (lambda choose: {"act": (1, 2)}, r"Odd\.decide returned a dict\. It asks through choose"),
    ],
)
def test_a_question_that_is_none_is_told(question, words):
    with pytest.raises(UsageError, match=words):
        asking(question).sample(np.random.default_rng(0))


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (
            ((3, 3), (5, 5)),
            "'kernel' has the option (3, 3), which is a tuple. Options are bool, int, finite float, str",
        ),
        ((math.nan, 1.0), "'kernel' has the option nan, which is not a finite number."),
    ],
)
def test_options_that_no_architecture_can_hold_are_not_counted(options: Any, told: str) -> None:
    @dataclass(frozen=True)
    class Wrong(Space):
        def decide(self, choose: Choose) -> None:
            choose("kernel", options)

    for count in (Wrong().size, Wrong().count, lambda: list(Wrong().enumerate())):
        with pytest.raises(UsageError, match=re.escape(told)):
            count()


def test_a_path_is_not_empty() -> None:
    @dataclass(frozen=True)
    class Unnamed(Space):
        def decide(self, choose: Choose) -> None:
            choose("", (1, 2))

    for count in (Unnamed().size, Unnamed().count, lambda: Unnamed().sample(np.random.default_rng(0))):
        with pytest.raises(UsageError, match="The path of a decision cannot be ''"):
            count()
