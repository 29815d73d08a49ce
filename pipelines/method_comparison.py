"""Prompt design, parameter-efficient and full tuning side by side on the same held-out rows."""

from kfp import dsl
from kfp.dsl.graph_component import GraphComponent

from tuneline.pipelines import stages
from tuneline.pipelines.platform import Platform


def method_comparison(platform: Platform) -> GraphComponent:
    """Build the pipeline for a platform."""

    @dsl.pipeline(name="method-comparison", display_name="Method comparison")
    def pipeline(
        data: str,
        test_data: str = "",
        prompt_template: str = "",
        completion_template: str = "",
        data_settings: dict = {},
        base_model: str = "embedded",
        preset: str = "balanced",
        overrides: dict = {},
        shots: list = [0, 4],
        prediction_settings: dict = {},
        evaluation_settings: dict = {},
        model_name: str = "tuned-model",
        registry: str = "tuneline-registry",
        serving_image: str = "",
        seed: int = 0,
    ) -> stages.Outputs:
        """Compare the methods and register the cheapest tuned model that the evidence supports.

        Args:
            data: Path, glob, folder or URI of the labeled examples.
            test_data: Your own held-out file; empty: held out from data.
            prompt_template: For named columns, such as "{text}".
            completion_template: For named columns, such as "{category}".
            data_settings: Any further setting of the data stage.
            base_model: embedded, a folder, a hub id or a gs:// URI.
            preset: quick, balanced or quality.
            overrides: Any tuning setting; under pet or full, for that method alone.
            shots: Prompt-design baselines, by number of examples in the prompt.
            prediction_settings: Any further setting of the prediction stage.
            evaluation_settings: Task, metrics, gate rules and prices; any setting of evaluation.
            model_name: Name in the registry.
            registry: A folder, an MLflow tracking URI, vertex://PROJECT or kubeflow://HOST.
            serving_image: Container that serves the model, for a Vertex registry.
            seed: Seeds the split, the shots and tuning.
        """
        run = stages.parameters(locals())
        given = stages.examples(platform, run)
        baselines = stages.prompt_design(platform, run, given)
        pet = stages.tuned(platform, run, given, "pet")
        full = stages.tuned(platform, run, given, "full")
        decision = stages.decided(
            platform,
            run,
            given,
            baselines,
            pet,
            alternative=full.predictions.outputs["predictions"],
        )
        # The decision names the method that won, and nothing where none did.
        with dsl.If(decision.outputs["Output"] == "pet", name="the adapter won"):
            stages.registered(platform, run, decision, pet)
        with dsl.If(decision.outputs["Output"] == "full", name="full tuning won"):
            stages.registered(platform, run, decision, full)
        return stages.Outputs(decision.outputs["report"], decision.outputs["verdict"])

    return pipeline
