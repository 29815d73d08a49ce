"""Tune an open model on Vertex AI, compare it with prompt design, register it if that paid."""

from kfp import dsl
from kfp.dsl.graph_component import GraphComponent

from tuneline.pipelines import stages
from tuneline.pipelines.platform import Platform


def managed_open_tuning(platform: Platform) -> GraphComponent:
    """Build the pipeline for a platform."""

    @dsl.pipeline(name="managed-open-tuning", display_name="Managed tuning of an open model")
    def pipeline(
        data: str,
        base_model: str,
        base_weights: str,
        project: str,
        staging: str,
        location: str = "",
        method: str = "pet",
        max_cost_usd: float = 20.0,
        test_data: str = "",
        prompt_template: str = "",
        completion_template: str = "",
        data_settings: dict = {},
        overrides: dict = {},
        shots: list = [0, 4],
        prediction_settings: dict = {},
        evaluation_settings: dict = {},
        model_name: str = "tuned-model",
        registry: str = "tuneline-registry",
        serving_image: str = "",
        seed: int = 0,
    ) -> stages.Outputs:
        """Prepare, tune an open model as a service, evaluate its weights against prompts, register.

        Args:
            data: Path, glob, folder or URI of the labeled examples.
            base_model: An open model that Vertex AI tunes, such as qwen/qwen3@qwen3-32b.
            base_weights: The same model's weights: a hub id, a folder or a gs:// URI.
            project: Google Cloud project that pays.
            staging: Folder of a bucket, gs://, for training files and tuned weights.
            location: Where the tuning job runs; empty: the model's usual place.
            method: pet (adapter) or full (every weight); most models offer one of them.
            max_cost_usd: Most that tuning may cost, by the estimate made before.
            test_data: Your own held-out file; empty: held out from data.
            prompt_template: For named columns, such as "{text}".
            completion_template: For named columns, such as "{category}".
            data_settings: Any further setting of the data stage.
            overrides: Any further setting of managed tuning, such as epochs or adapter_size.
            shots: Prompt-design baselines, by number of examples in the prompt.
            prediction_settings: Any further setting of the prediction stage.
            evaluation_settings: Task, metrics, gate rules and prices; any setting of evaluation.
            model_name: Name in the registry.
            registry: vertex://PROJECT, an MLflow tracking URI, or a folder of this machine.
            serving_image: Container that serves the model, for a Vertex registry.
            seed: Seeds the split and the shots.
        """
        run = stages.parameters(locals())
        given = stages.examples(platform, run, managed=True)
        baselines = stages.prompt_design(platform, {**run, "base_model": base_weights}, given)
        tuned = stages.tuned_by_service(platform, run, given, baselines, on_device=True)
        decision = stages.decided(platform, run, given, baselines, tuned)
        with dsl.If(decision.outputs["Output"] == method, name="tuning was worth it"):
            stages.registered_managed(platform, run, decision, tuned)
        return stages.Outputs(decision.outputs["report"], decision.outputs["verdict"])

    return pipeline
