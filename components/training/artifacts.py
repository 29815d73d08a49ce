"""Artifact types of Google Cloud, by the names that its own components have for them."""

from kfp import dsl


class VertexModel(dsl.Artifact):
    """A model in Vertex AI Model Registry; metadata ``resourceName`` is its full name."""

    schema_title = "google.VertexModel"
    schema_version = "0.0.1"
