"""A lineage as OpenLineage events, through OpenLineage's own client."""

import json
import uuid
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from imagecards.credentials import hide_credentials
from imagecards.errors import MissingDependencyError, StorageError
from imagecards.registry.graph import Edge, Graph, Node
from imagecards.release import VERSION

if TYPE_CHECKING:
    from openlineage.client.event_v2 import RunEvent

PRODUCER = f"urn:imagecards:{VERSION}"

_RUNS = uuid.UUID("6f0d2f0e-5b5f-5f0b-9a2e-2f2b1c8f7a51")


def as_events(lineage: Graph) -> str:
    """One event a line, for each version of the lineage that was derived and each artifact that was written.

    Raises:
        MissingDependencyError: The client is not installed.
    """
    _check_client()
    from openlineage.client.serde import Serde

    return "\n".join(json.dumps(json.loads(Serde.to_json(event))) for event in events(lineage))


def events(lineage: Graph) -> Iterator["RunEvent"]:
    """The events; the same lineage gives the same ones, run ids and times included.

    A run's id follows from the digest of the card that it made, its time is the one at which its registration began.

    Raises:
        MissingDependencyError: The client is not installed.
    """
    _check_client()
    for node in lineage.nodes.values():
        made = lineage.into(node.id)
        if made and node.kind != "use":
            yield _event(lineage, node, made)


def emit(lineage: Graph, to: str) -> int:
    """Send the events; see `Lineage.emit`.

    Raises:
        MissingDependencyError: The client is not installed.
        StorageError: The server or the file does not take them.
    """
    _check_client()
    from openlineage.client.transport import Transport
    from openlineage.client.transport.file import FileConfig, FileTransport
    from openlineage.client.transport.http import HttpConfig, HttpTransport

    transport: Transport
    if to.startswith(("http://", "https://")):
        transport = HttpTransport(HttpConfig.from_dict({"url": to}))
    else:
        transport = FileTransport(FileConfig(log_file_path=to, append=True))
    count = 0
    try:
        for event in events(lineage):
            transport.emit(event)
            count += 1
    except Exception as error:  # whatever the client's own dependencies raise
        told = hide_credentials(f"{to} does not take OpenLineage events ({error})")
        problem = StorageError(f"{told}: {count} were sent")
    else:
        return count
    finally:
        transport.close()
    raise problem  # out here: the original error knows the whole address


def _event(lineage: Graph, node: Node, made: tuple[Edge, ...]) -> "RunEvent":
    from openlineage.client.event_v2 import InputDataset, Job, OutputDataset, Run, RunEvent, RunState
    from openlineage.client.facet_v2 import processing_engine_run

    owner = node if node.card is not None else lineage.nodes[made[0].source]
    card = owner.card
    created = f"{card.created:%Y-%m-%dT%H:%M:%SZ}" if card is not None else "1970-01-01T00:00:00Z"
    seed = f"{card.digest if card is not None else ''} {node.id}"
    engine = processing_engine_run.ProcessingEngineRunFacet(version=_code(node), name="imagecards")
    namespace = f"imagecards:{lineage.registry}"
    return RunEvent(
        eventTime=created,
        producer=PRODUCER,
        eventType=RunState.COMPLETE,
        run=Run(runId=str(uuid.uuid5(_RUNS, seed)), facets={"processing_engine": engine, "imagecards": _steps(made)}),
        job=Job(namespace=namespace, name=f"derive {node.id.partition('@')[0]}"),
        inputs=[InputDataset(namespace, edge.source, facets=_version(lineage.nodes[edge.source])) for edge in made],
        outputs=[OutputDataset(namespace, node.id, facets=_version(node))],
    )


def _steps(made: tuple[Edge, ...]) -> Any:
    """What was done, as a facet of our own: OpenLineage has none for steps and their parameters."""
    import attr
    from openlineage.client.generated.base import RunFacet

    @attr.define
    class StepsRunFacet(RunFacet):
        steps: list[dict[str, Any]]
        format: str

        @staticmethod
        def _get_schema() -> str:
            return "urn:imagecards:steps-run-facet"

    steps = [step.model_dump(mode="json") for step in made[0].steps]
    return StepsRunFacet(steps=steps, format=made[0].format)


def _version(node: Node) -> dict[str, Any]:
    from openlineage.client.facet_v2 import dataset_version_dataset

    if node.card is None:
        return {}
    return {"version": dataset_version_dataset.DatasetVersionDatasetFacet(datasetVersion=node.card.digest)}


def _code(node: Node) -> str:
    return str(node.card.code.get("imagecards", "")) if node.card is not None else VERSION


def _check_client() -> None:
    try:
        import openlineage.client  # noqa: F401
    except ImportError as error:
        message = "OpenLineage needs its client: pip install 'imagecards[lineage]'"
        raise MissingDependencyError(message) from error
