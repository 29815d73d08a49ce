"""Options of a run: what is refused, all at once."""

import pytest

from tests.vertex.jobs.conftest import quick
from tuneline.errors import ConfigurationError
from tuneline.settings import validated
from tuneline.vertex.jobs.settings import VertexRun


def problems_of(**options):
    try:
        quick(**options)
    except ValueError as error:
        return str(error)
    return ""


def test_all_problems_come_at_once():
    given = {
        "location": "here",
        "service_account": "me",
        "network": "default",
        "encryption_key": "key",
        "labels": {"Team": "a", "team": "B"},
        "name": "9",
        "schedule": "daily",
    }
    with pytest.raises(ConfigurationError) as caught:
        validated(VertexRun, given, source="tuneline submit")
    text = "\n".join(caught.value.problems)
    assert "project: is required. Give --project or set GOOGLE_CLOUD_PROJECT." in text
    assert "staging: is required. Give --staging or set TUNELINE_STAGING." in text
    for name in (*given, "labels.Team", "labels.team"):
        assert f"tuneline submit: {name}" in text
    assert len(caught.value.problems) == 11


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("project", "example.com:my-project"),
        ("location", "northamerica-northeast1"),
        ("staging", "gs://my.bucket_1/a/b/"),
        ("staging", "gs://bucket"),
        ("service_account", "runs@p.iam.gserviceaccount.com"),
        ("network", "projects/12345/global/networks/a"),
        ("encryption_key", "projects/p/locations/us-central1/keyRings/r/cryptoKeys/k"),
        ("labels", {"team": "", "cost-center_1": "42"}),
        ("name", "tickets-weekly"),
        ("schedule", "0 6 * * 1"),
        ("schedule", "TZ=Europe/Berlin */5 0-6 1,15 JAN-MAR *"),
        ("schedule", "CRON_TZ=America/New_York 0 6 * * MON"),
    ],
)
def test_what_the_service_takes_is_taken(name, value):
    assert problems_of(**{name: value}) == ""


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"staging": "bucket/x"}, "staging: must be like gs://bucket/prefix, not 'bucket/x'"),
        ({"staging": "gs://bucket/a*"}, "staging: must be like"),
        ({"location": "us"}, "location: must be like us-central1"),
        ({"network": "projects/1/global/networks/A"}, "network: must be like"),
        ({"name": "Run 1"}, "name: must be like"),
        ({"name": "a" * 106}, "name: must be like"),
        (
            {"encryption_key": "projects/p/locations/europe-west4/keyRings/r/cryptoKeys/k"},
            "encryption_key: must lie in the run's location, us-central1",
        ),
        ({"schedule": "0 6 * *"}, "schedule: must be five fields"),
        ({"schedule": "TZ=Mars/Base 0 6 * * *"}, "there is no time zone 'Mars/Base'"),
        ({"schedule": "0 6 * * *", "wait": True}, "schedule: excludes wait"),
        ({"max_runs": 2}, "max_runs: needs schedule"),
        ({"max_concurrent": 2}, "max_concurrent: needs schedule"),
        ({"labels": {f"l{number}": "" for number in range(65)}}, "65 are too many"),
    ],
)
def test_what_the_service_would_refuse_is_refused(options, said):
    assert said in problems_of(**options)
