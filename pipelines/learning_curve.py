"""How quality grows with the number of examples: one model, tuned on parts of the data too."""

from kfp import dsl
from kfp.dsl.graph_component import GraphComponent

from tuneline.pipelines import stages
from tuneline.pipelines.platform import Platform


def learning_curve(platform: Platform) -> GraphComponent:
    """Build the pipeline for a platform."""

    @dsl.pipeline(name="learning-curve", display_name="Learning curve")
    def pipeline(
        data: str,
        test_data: str = "",
        prompt_template: str = "",
        completion_template: str = "",
        data_settings: dict = {},
        base_model: str = "embedded",
        method: str = "pet",
        preset: str = "balanced",
        overrides: dict = {},
        shots: list = [0, 4],
        prediction_settings: dict = {},
        evaluation_settings: dict = {},
        model_name: str = "tuned-model",
        registry: str = "tuneline-registry",
        serving_image: str = "",
        seed: int = 0,
        fractions: list = [0.25, 0.5],
    ) -> stages.Outputs:
        """Tune on all examples and on parts of them, evaluate, gate, register.

        Args:
            data: Path, glob, folder or URI of the labeled examples.
            test_data: Your own held-out file; empty: held out from data.
            prompt_template: For named columns, such as "{text}".
            completion_template: For named columns, such as "{category}".
            data_settings: Any further setting of the data stage.
            base_model: embedded, a folder, a hub id or a gs:// URI.
            method: pet (LoRA adapter) or full (every weight).
            preset: quick, balanced or quality.
            overrides: Any tuning setting; under pet or full, for that method alone.
            shots: Prompt-design baselines, by number of examples in the prompt.
            prediction_settings: Any further setting of the prediction stage.
            evaluation_settings: Task, metrics, gate rules and prices; any setting of evaluation.
            model_name: Name in the registry.
            registry: A folder, an MLflow tracking URI, vertex://PROJECT or kubeflow://HOST.
            serving_image: Container that serves the model, for a Vertex registry.
            seed: Seeds the split, the shots and tuning.
            fractions: Parts of the training split that are tuned on beside all of it.
        """
        run = stages.parameters(locals())
        given = stages.examples(platform, run)
        baselines = stages.prompt_design(platform, run, given)
        tuned = stages.tuned(platform, run, given, method)
        parts = stages.tuned_on_parts(platform, run, given, method, fractions)
        decision = stages.decided(
            platform, run, given, baselines, tuned, learning_curve=parts.outputs["predictions"]
        )
        # The decision names the method that won, and nothing where none did.
        with dsl.If(decision.outputs["Output"] == method, name="tuning was worth it"):
            stages.registered(platform, run, decision, tuned)
        return stages.Outputs(decision.outputs["report"], decision.outputs["verdict"])

    return pipeline
