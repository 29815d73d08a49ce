"""The stages that pipelines share, each placed on its platform and wired to the one before it."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from kfp.dsl import HTML, Artifact, PipelineTask

from tuneline.components.data.component import fingerprint_source, prepare_dataset
from tuneline.components.evaluation.component import evaluate, predict, predict_learning_curve
from tuneline.components.registration.component import register_model
from tuneline.components.training.component import tune_managed_model, tune_model
from tuneline.pipelines.platform import Platform


class Outputs(NamedTuple):
    """What every pipeline gives back."""

    report: HTML
    verdict: Artifact


class Examples(NamedTuple):
    """The tasks that all candidates build on."""

    source: PipelineTask
    prepared: PipelineTask


class Tuned(NamedTuple):
    """A tuned model and its answers to the held-out rows."""

    model: PipelineTask
    predictions: PipelineTask


def parameters(scope: Mapping[str, Any]) -> dict[str, Any]:
    """Take a pipeline's parameters out of its ``locals()``: those that the first step checks."""
    return {name: scope[name] for name in fingerprint_source.component_spec.inputs if name in scope}


def examples(platform: Platform, run: Mapping[str, Any], *, managed: bool = False) -> Examples:
    """Fingerprint the sources and prepare the splits.

    Args:
        platform: Where the tasks run.
        run: The pipeline's parameters by name.
        managed: Whether a service tunes, whose limits count and which must find local media.
    """
    source = (
        platform.on_cpu(fingerprint_source(**run))
        .set_caching_options(enable_caching=False)
        .set_display_name("check parameters, fingerprint sources")
    )
    names = ("data", "test_data", "prompt_template", "completion_template", "data_settings", "seed")
    given = {name: run[name] for name in names}
    if managed:
        given |= {name: run[name] for name in ("staging", "overrides")}
        given["managed_model"] = run["base_model"]
    prepared = platform.on_cpu(
        prepare_dataset(fingerprint=source.outputs["data"], **given)
    ).set_display_name("prepare data")
    return Examples(source, prepared)


def prompt_design(platform: Platform, run: Mapping[str, Any], given: Examples) -> PipelineTask:
    """Predict the baselines."""
    return platform.on_device(
        predict(
            test=given.prepared.outputs["test"],
            train=given.prepared.outputs["train"],
            base_model=run["base_model"],
            fingerprint=given.source.outputs["base_model"],
            shots=run["shots"],
            prediction_settings=run["prediction_settings"],
            seed=run["seed"],
        )
    ).set_display_name("predict by prompt design")


def tuned(platform: Platform, run: Mapping[str, Any], given: Examples, method: Any) -> Tuned:
    """Tune by one method and predict with the result."""
    tuning = platform.trainer(tune_model)(
        train=given.prepared.outputs["train"],
        validation=given.prepared.outputs["validation"],
        fingerprint=given.source.outputs["base_model"],
        method=method,
        **{name: run[name] for name in ("base_model", "preset", "overrides", "seed")},
    )
    model = platform.tried_again(tuning)
    predictions = platform.on_device(
        predict(
            test=given.prepared.outputs["test"],
            train=given.prepared.outputs["train"],
            model=model.outputs["model"],
            prediction_settings=run["prediction_settings"],
            seed=run["seed"],
        )
    )
    suffix = f" ({method})" if isinstance(method, str) else ""
    model.set_display_name(f"tune{suffix}")
    predictions.set_display_name(f"predict by the tuned model{suffix}")
    return Tuned(model, predictions)


def tuned_on_parts(
    platform: Platform, run: Mapping[str, Any], given: Examples, method: Any, fractions: Any
) -> PipelineTask:
    """Tune on parts of the training split and predict with each result."""
    names = ("base_model", "preset", "overrides", "prediction_settings", "seed")
    task = platform.trainer(predict_learning_curve)(
        test=given.prepared.outputs["test"],
        train=given.prepared.outputs["train"],
        validation=given.prepared.outputs["validation"],
        fingerprint=given.source.outputs["base_model"],
        method=method,
        fractions=fractions,
        **{name: run[name] for name in names},
    )
    return platform.tried_again(task).set_display_name("tune on parts and predict")


def asked_of_gemini(platform: Platform, run: Mapping[str, Any], given: Examples) -> PipelineTask:
    """Predict the baselines by a Gemini model, which needs no device."""
    return platform.on_cpu(
        predict(
            test=given.prepared.outputs["test"],
            train=given.prepared.outputs["train"],
            **{name: run[name] for name in ("base_model", "shots", "project", "staging", "seed")},
            prediction_settings=run["prediction_settings"],
        )
    ).set_display_name("predict by prompt design")


def tuned_by_service(
    platform: Platform,
    run: Mapping[str, Any],
    given: Examples,
    baselines: PipelineTask,
    *,
    on_device: bool,
) -> Tuned:
    """Tune by Vertex AI and predict with the result.

    Args:
        platform: Where the tasks run.
        run: The pipeline's parameters by name.
        given: The splits.
        baselines: Tuning, which is what costs, starts only when prompts have been answered.
        on_device: Whether the tuned model's weights answer here, not an endpoint.
    """
    names = ("base_model", "project", "staging", "location", "max_cost_usd", "overrides")
    further = [name for name in ("method", "base_weights") if name in run]
    tuning = platform.on_cpu(
        tune_managed_model(
            train=given.prepared.outputs["train"],
            validation=given.prepared.outputs["validation"],
            fingerprint=given.source.outputs["base_model"],
            model_name=run["model_name"],
            **{name: run[name] for name in (*names, *further)},
        )
    )
    # The job itself is found again, and one whose model was deleted is not to be hidden by a cache.
    job = platform.tried_again(tuning).set_caching_options(enable_caching=False)
    job.set_display_name("tune on Vertex AI").after(baselines)
    placed = platform.on_device if on_device else platform.on_cpu
    predictions = placed(
        predict(
            test=given.prepared.outputs["test"],
            train=given.prepared.outputs["train"],
            tuning=job.outputs["result"],
            **{name: run[name] for name in ("project", "staging")},
            prediction_settings=run["prediction_settings"],
            seed=run["seed"],
        )
    )
    return Tuned(job, predictions.set_display_name("predict by the tuned model"))


def decided(
    platform: Platform,
    run: Mapping[str, Any],
    given: Examples,
    baselines: PipelineTask,
    tuned: Tuned,
    **further: Any,
) -> PipelineTask:
    """Evaluate all candidates; its output parameter is the method that won, or nothing.

    Args:
        platform: Where the task runs.
        run: The pipeline's parameters by name.
        given: Where the fingerprint of the evaluation's files comes from.
        baselines: Predictions by prompt design.
        tuned: A tuned model and its predictions.
        **further: Further predictions, by the name of evaluate's input.
    """
    return platform.on_cpu(
        evaluate(
            baselines=baselines.outputs["predictions"],
            tuned=tuned.predictions.outputs["predictions"],
            evaluation_settings=run["evaluation_settings"],
            fingerprint=given.source.outputs["evaluation"],
            seed=run["seed"],
            **further,
        )
    )


def registered(
    platform: Platform, run: Mapping[str, Any], decision: PipelineTask, winner: Tuned
) -> PipelineTask:
    """Register a tuned model with its evidence. Call it inside the gate's condition."""
    registration = platform.registering(
        register_model(
            model=winner.model.outputs["model"],
            verdict=decision.outputs["verdict"],
            report=decision.outputs["report"],
            scores=decision.outputs["scores"],
            **{name: run[name] for name in ("model_name", "registry", "serving_image")},
        )
    )
    return registration.set_caching_options(enable_caching=False).set_display_name("register")


def registered_managed(
    platform: Platform, run: Mapping[str, Any], decision: PipelineTask, winner: Tuned
) -> PipelineTask:
    """Likewise, a model that a service tuned."""
    serving = {"serving_image": run["serving_image"]} if "serving_image" in run else {}
    registration = platform.registering(
        register_model(
            tuning=winner.model.outputs["result"],
            verdict=decision.outputs["verdict"],
            report=decision.outputs["report"],
            scores=decision.outputs["scores"],
            model_name=run["model_name"],
            registry=run["registry"],
            **serving,
        )
    )
    return registration.set_caching_options(enable_caching=False).set_display_name("register")
