"""Tuneline: pipeline components for supervised tuning of language models.

The stages are plain functions in their own folders (``data``, ``training``, ``prediction``,
``evaluation``, ``registry``); ``components`` and ``pipelines`` wrap them for Kubeflow Pipelines and
Vertex AI Pipelines; ``cli`` is the command line. Importing this package imports none of them.
"""

__version__ = "0.1.0"
