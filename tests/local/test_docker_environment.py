"""Tasks see the variables that are listed, and nothing else of this machine's environment."""

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from tuneline.local.docker.environment import files_of, model_caches, passed, task_environment

LISTED = (
    *("AWS_", "HF_", "MLFLOW_TRACKING_", "NCCL_", "PYTORCH_", "TUNELINE_VERTEX_", "TZ"),
    *("BIGQUERY_", "CUDA_", "GCSFS_", "GEMINI_", "GOOGLE_", "OMP_", "REQUESTS_", "SSL_"),
    *("STORAGE_", "TOKENIZERS_", "TRANSFORMERS_"),
)
NAMES = st.text(st.characters(categories=("Lu", "Ll", "Nd"), include_characters="_"), min_size=1)


@given(st.dictionaries(NAMES, st.text()))
def test_only_what_is_listed_is_passed_on(environment):
    for name in passed(environment):
        assert name.lower().endswith("_proxy") or name.startswith(LISTED)


def test_what_tasks_need_is_passed_on_and_what_they_do_not_is_kept_here():
    needed = {
        "HF_TOKEN": "t",
        "HF_HUB_OFFLINE": "1",
        "HF_ENDPOINT": "e",
        "AWS_SECRET_ACCESS_KEY": "s",
        "GOOGLE_CLOUD_PROJECT": "p",
        "MLFLOW_TRACKING_TOKEN": "m",
        "https_proxy": "h",
        "NO_PROXY": "n",
        "OMP_NUM_THREADS": "2",
    }
    kept = {
        "PATH": "/bin",
        "LD_PRELOAD": "x.so",
        "PYTHONPATH": "/x",
        "HOME": "/home/a",
        "SSH_AUTH_SOCK": "/s",
        "GITHUB_TOKEN": "g",
        "DOCKER_HOST": "unix:///s",
        "HF_HOME": "/elsewhere",
        "TUNELINE_TRAINER_IMAGE": "t:1",
    }
    assert passed({**needed, **kept}) == needed


def test_files_that_variables_name_are_found(tmp_path):
    key = tmp_path / "key.json"
    key.touch()
    variables = {
        "GOOGLE_APPLICATION_CREDENTIALS": str(key),
        "AWS_CONFIG_FILE": str(tmp_path / "absent"),
        "AWS_DEFAULT_REGION": "eu-west-1",
        "HF_TOKEN": "/" * 9999,
        "MLFLOW_TRACKING_TOKEN": "/\0",
        "SSL_CERT_FILE": str(tmp_path),
    }
    assert files_of(variables) == [key]


def test_a_task_has_a_home_a_user_and_the_model_cache(monkeypatch):
    monkeypatch.setenv("USER", "alice")
    monkeypatch.delenv("LOGNAME", raising=False)
    environment = task_environment({"OMP_NUM_THREADS": "1"}, [Path("/cache")])
    assert environment == {
        "HOME": "/tmp",
        "USER": "alice",
        "HF_HOME": "/cache",
        "OMP_NUM_THREADS": "1",
    }


def test_model_caches_are_named_as_the_container_sees_them():
    given_variables = {"HF_HUB_CACHE": "~/hub"}
    environment = task_environment(given_variables, [Path("/cache"), Path("/home/alice/hub")])
    assert environment["HF_HOME"] == "/cache"
    assert environment["HF_HUB_CACHE"] == "/home/alice/hub"


def test_a_number_without_a_name_is_a_user_too(monkeypatch):
    for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("os.getuid", lambda: 987654)
    assert task_environment({}, [Path("/cache")])["USER"] == "tuneline"


def test_model_caches(monkeypatch):
    monkeypatch.setenv("HOME", "/home/alice")
    assert model_caches({}) == [Path("/home/alice/.cache/huggingface")]
    assert model_caches({"XDG_CACHE_HOME": "/x"}) == [Path("/x/huggingface")]
    assert model_caches({"HF_HOME": "~/hf", "HF_HUB_CACHE": "/hub"}) == [
        Path("/home/alice/hf"),
        Path("/hub"),
    ]
