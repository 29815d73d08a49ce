"""Kubeflow Pipelines on this machine: its v2beta1 REST API, with its rules and faults.

Bodies and queries are held against the models of the published client, made from the API's OpenAPI
description: what the API does not have is refused, and so is a value of another type. Rules that
the description does not have are those of the API server's sources (api_converter.go, the run and
recurring-run servers, resource_manager.go).
"""

from tests.kubeflow.stand_in.faults import Fault
from tests.kubeflow.stand_in.server import kfp_stand_in
from tests.kubeflow.stand_in.state import Kfp

__all__ = ["Fault", "Kfp", "kfp_stand_in"]
