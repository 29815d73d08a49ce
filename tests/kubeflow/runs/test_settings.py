"""Options of a run: what is refused, all at once."""

import pytest

from tuneline.errors import ConfigurationError
from tuneline.kubeflow.runs.settings import KubeflowRun
from tuneline.settings import validated


def problems_of(**options):
    try:
        validated(KubeflowRun, {"host": "https://a.example/", **options}, source="tuneline submit")
    except ConfigurationError as error:
        return "\n".join(error.problems)
    return ""


def test_all_problems_come_at_once():
    with pytest.raises(ConfigurationError) as caught:
        validated(
            KubeflowRun,
            {"staging": "bucket", "ca_certificate": "none.pem", "schedule": "daily", "wait": True},
            source="tuneline submit",
        )
    text = "\n".join(caught.value.problems)
    assert "host: is required. Give --host or set KF_PIPELINES_ENDPOINT." in text
    assert "staging: must be like s3://bucket/prefix or gs://bucket/prefix" in text
    assert "ca_certificate: there is no file none.pem." in text
    assert "schedule: excludes wait" in text
    assert "schedule: must be five fields" in text


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("host", "http://ml-pipeline.kubeflow.svc.cluster.local:8888"),
        ("host", "https://kubeflow.example.com/pipeline/"),
        ("staging", "s3://my.bucket-1/a/b/"),
        ("staging", "gs://bucket"),
        ("namespace", "team-lamps"),
        ("service_account", "pipeline-runner"),
        ("name", "Lamps, weekly"),
        ("max_concurrent", 10),
    ],
)
def test_what_the_service_takes_is_taken(name, value):
    schedule = {"schedule": "0 6 * * 1"} if name == "max_concurrent" else {}
    assert problems_of(**{name: value, **schedule}) == ""


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"host": "kubeflow.example.com"}, "host: must be like https://"),
        ({"host": "https://a.example/pipeline/apis"}, "give what stands before /apis"),
        ({"host": "https://a.example/#/runs"}, "host: must be like https://"),
        ({"staging": "s3://bucket/a*"}, "staging: must be like"),
        ({"staging": "/folder"}, "staging: must be like"),
        ({"namespace": "Team"}, "namespace: must be a namespace"),
        ({"service_account": "me@project.iam"}, "service_account: must be a name of Kubernetes"),
        ({"max_concurrent": 2}, "max_concurrent: needs schedule"),
        ({"max_concurrent": 11, "schedule": "0 6 * * 1"}, "max_concurrent: must be less than or"),
        ({"schedule": "TZ=Europe/Berlin 0 6 * * 1"}, "schedule: has a time zone"),
    ],
)
def test_what_the_service_would_refuse_is_refused(options, said):
    assert said in problems_of(**options)


def test_password_in_the_host_is_not_shown():
    said = problems_of(host="https://me:s3cret@a.example")
    assert "without a user name" in said
    assert "s3cret" not in said
