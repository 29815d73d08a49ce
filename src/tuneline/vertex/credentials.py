"""Application default credentials: the only ones that there are; no setting holds a key."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import google.auth
from google.auth import exceptions as auth_errors

from tuneline.errors import ConfigurationError

_KEY_FILE = "GOOGLE_APPLICATION_CREDENTIALS"
_SCOPES = ("https://www.googleapis.com/auth/cloud-platform",)


def application_credentials() -> tuple[Any, str]:
    """The credentials, and the project that they name; empty where they name none.

    Raises:
        ConfigurationError: There are none, or their file is missing.
    """
    key_file = os.environ.get(_KEY_FILE, "")
    if key_file and not Path(key_file).is_file():
        raise ConfigurationError(
            f"Vertex AI: {_KEY_FILE} names {key_file}, and there is no such file. Name the key "
            "file, or unset it and run gcloud auth application-default login."
        )
    try:
        credentials, project = google.auth.default(scopes=_SCOPES)
    except auth_errors.DefaultCredentialsError as error:
        raise ConfigurationError(
            "Vertex AI: there are no application default credentials. Run gcloud auth "
            "application-default login, or name a key file in GOOGLE_APPLICATION_CREDENTIALS; for "
            "the Gemini Developer API set GOOGLE_API_KEY and no project."
        ) from error
    return credentials, project or ""
