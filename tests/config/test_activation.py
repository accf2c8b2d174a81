import pytest

from seglab.config.activation import activation_problems


def problems(target, *, name=None, **options):
    node = {"factory": {"_target_": target, "_partial_": True, **options}, "scope": "all"}
    return activation_problems(node if name is None else {"name": name, **node}, model={})


@pytest.mark.parametrize("name", ["ReLU", "Softplus", "PReLU", "Tanh", "LogSigmoid", "Hardtanh", "CELU"])
def test_activations_of_torch_are_right(name):
    assert problems(f"torch.nn.{name}", name=name) == []


def test_own_class_and_none_are_not_judged():
    assert problems("mine.Wave") == []
    assert activation_problems({"factory": None, "scope": "all"}, model={}) == []


@pytest.mark.parametrize(
    "name", ["Linear", "Conv2d", "Softmax", "MultiheadAttention", "Sequential", "CrossEntropyLoss"]
)
def test_another_class_of_torch_is_refused(name):
    (problem,) = problems(f"torch.nn.{name}", name=name)
    assert problem.startswith(f"activation.factory: torch.nn.{name} is no activation, which maps each value to one; ")


def test_near_name_is_offered():
    assert problems("torch.nn.GLU")[0].endswith(" - did you mean 'GELU'?")


def test_arguments_that_must_be_given():
    assert problems("torch.nn.Threshold", threshold=0.1) == [
        "activation.factory: torch.nn.Threshold needs 'value'; add +activation.factory.value=VALUE"
    ]


def test_name_beside_a_fixed_class_is_refused():
    assert problems("torch.nn.ReLU", name="SiLU") == [
        "activation.name=SiLU has no effect beside activation.factory._target_=torch.nn.ReLU; "
        "write activation=any activation.name=SiLU"
    ]


def test_keys():
    assert activation_problems({"factory": None, "scop": "all"}, model={}) == [
        "activation needs 'scope'",
        "activation: no key 'scop' - did you mean 'scope'?",
    ]


def test_key_of_the_model_follows_the_group():
    """In smp `activation` is of the output; build would not pass it on."""
    factory = {"_target_": "torch.nn.ReLU", "_partial_": True}
    node = {"factory": factory, "scope": "all"}
    assert activation_problems(node, model={"activation": dict(factory)}) == []
    (problem,) = activation_problems(node, model={"activation": "sigmoid"})
    assert problem.startswith("model.activation is 'sigmoid', which would be passed over; choose by the group")
