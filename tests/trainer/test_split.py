from trainer.split import Side, join_people, side_of, side_of_person, split_people

PEOPLE = [f"engine:{number}" for number in range(400)]


def test_a_person_is_on_the_same_side_for_ever():
    # Written down, not computed: clips in users' databases depend on it.
    assert side_of_person("kokoro:af_sky") is Side.VALIDATION
    assert side_of_person("kokoro:am_adam") is Side.TRAIN
    assert side_of_person("nanotts:en-us") is Side.VALIDATION


def test_about_a_fifth_validates():
    share = sum(side_of_person(p) is Side.VALIDATION for p in PEOPLE) / len(PEOPLE)
    assert 0.15 < share < 0.26


def test_a_blend_of_both_sides_is_on_neither():
    assert side_of(["kokoro:af_sky", "kokoro:am_adam"]) is None
    assert side_of(["kokoro:am_adam", "piper:joe"]) is Side.TRAIN


def test_people_are_written_and_read_in_one_order():
    assert join_people({"b:2", "a:1"}) == "a:1+b:2"
    assert split_people("a:1+b:2") == ["a:1", "b:2"]
