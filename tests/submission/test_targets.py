"""A compiled spec goes to the service that it was compiled for, and to no other."""

import pytest

from tuneline.errors import ConfigurationError
from tuneline.kubeflow.cluster import Cluster
from tuneline.pipelines.compile import SPECS, compile_pipeline
from tuneline.pipelines.platform import Platform, kubeflow_platform
from tuneline.submission.spec import compiled_or_loaded

GPU = "nvidia.com/gpu"
L4 = Platform(target="vertex", accelerator="NVIDIA_L4", machine_type="g2-standard-12")
NODES = Cluster.model_validate({"nodes": 2, "work_volume": {"claim": "tuning"}})


@pytest.mark.parametrize(
    ("platform", "target", "said"),
    [
        (Platform(target="vertex", accelerator="NVIDIA_L4"), "kubeflow", "'NVIDIA_L4' is no dev"),
        (Platform(target="kubeflow", accelerator=GPU), "vertex", f"{GPU!r} is no device"),
        (L4, "kubeflow", "'tune-model' is a custom job of Vertex AI"),
        (kubeflow_platform(Cluster(accelerator=GPU)), "vertex", "Compile it with --target vertex"),
    ],
)
def test_other_targets_spec_is_refused(platform, target, said, tmp_path):
    path = tmp_path / "spec.yaml"
    compile_pipeline("supervised_tuning", platform, path)
    with pytest.raises(ConfigurationError, match=said):
        compiled_or_loaded(str(path), Platform(target=target))
    assert compiled_or_loaded(str(path), Platform(target=platform.target)).name


def test_two_documents_are_no_spec_of_vertex(tmp_path):
    path = tmp_path / "spec.yaml"
    compile_pipeline("supervised_tuning", kubeflow_platform(NODES), path)
    with pytest.raises(ConfigurationError, match="documents"):
        compiled_or_loaded(str(path), Platform(target="vertex"))


@pytest.mark.parametrize("target", ["kubeflow", "vertex"])
def test_portable_spec_goes_everywhere(target):
    spec = compiled_or_loaded(str(SPECS / "supervised_tuning.yaml"), Platform(target=target))
    assert spec.name == "supervised-tuning"


def test_device_of_an_option_is_checked_as_in_the_file():
    with pytest.raises(ConfigurationError, match="accelerator: 'NVIDIA/gpu here' is no name"):
        kubeflow_platform(Cluster(), accelerator="NVIDIA/gpu here")
