"""What can be asked: one question in four ways, at once or as events, waiting for it or beside an event loop."""

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Iterator, Sequence

from agent.answers import Answer
from agent.events import AnswerReady, Event
from agent.request import RegionSource, flat_images
from agent.streaming import in_background
from ferret.images import ImageSource

Images = ImageSource | Sequence[ImageSource]


class Asker(ABC):
    """An assistant or one conversation with it."""

    @abstractmethod
    def _turn(
        self,
        question: str,
        images: list[ImageSource],
        regions: Sequence[RegionSource],
        *,
        tokens: bool,
        steps: bool = True,
    ) -> Iterator[Event]:
        """Checks the request now and answers it as the events are taken; with `tokens`, Ferret is listened to.

        Without `steps` there are none but the last event, for who waits for the answer alone.
        """

    def ask(self, question: str, *images: Images, regions: Sequence[RegionSource] = ()) -> Answer:
        """Answers one question about one or more pictures.

        `images` are paths, bytes, PIL pictures or uint8 arrays [H, W, 3], left out in a thread that has some;
        `regions` are `ferret.regions` objects or specs such as "box:10,20,90,120", in pixels of the original;
        `<region1>` in the question names the first.

        Raises `RequestError` when the request cannot be served as it stands.
        """
        return last_answer(self._turn(question, flat_images(images), regions, tokens=False, steps=False))

    def stream(self, question: str, *images: Images, regions: Sequence[RegionSource] = ()) -> Iterator[Event]:
        """As `ask`, but yields what happens as it happens (`agent.events`); the last event is `AnswerReady`.

        A stream that is closed before its end ends the turn; a thread then remembers what it did before.
        """
        return self._turn(question, flat_images(images), regions, tokens=True)

    async def aask(self, question: str, *images: Images, regions: Sequence[RegionSource] = ()) -> Answer:
        """As `ask`, without blocking the event loop. A task that is cancelled ends the turn at its next event."""
        given = flat_images(images)
        answer: Answer | None = None
        async for event in in_background(lambda: self._turn(question, given, regions, tokens=False)):
            if isinstance(event, AnswerReady):
                answer = event.answer
        if answer is None:
            raise RuntimeError("the graph ended without an answer")
        return answer

    def astream(self, question: str, *images: Images, regions: Sequence[RegionSource] = ()) -> AsyncIterator[Event]:
        """As `stream`, without blocking the event loop; what is wrong with a request is raised at the first event.

        A task that is cancelled ends the turn at its next event, and has ended when the turn has.
        """
        given = flat_images(images)
        return in_background(lambda: self._turn(question, given, regions, tokens=True))


def last_answer(events: Iterator[Event]) -> Answer:
    """The answer that a stream of events ends with."""
    for event in events:
        if isinstance(event, AnswerReady):
            return event.answer
    raise RuntimeError("the graph ended without an answer")
