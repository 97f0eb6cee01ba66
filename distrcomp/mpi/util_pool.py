"""`mpi4py.util.pool`: the interface of `multiprocessing.pool` on `mpi4py.futures`."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import CancelledError, Executor, Future
from typing import Any, Generic, Self, TypeVar

from . import futures

__all__ = ["ApplyResult", "AsyncResult", "MapResult", "Pool", "ThreadPool"]

T = TypeVar("T")


class Pool:
    """Pool using MPI processes as workers.

    Args:
        processes: how many; by default as many as `MPIPoolExecutor` takes.
        initializer: called by each worker before its first task, with `initargs`.
        kwargs: further options of `MPIPoolExecutor`. `maxtasksperchild` and `context` are not
            supported and warned of.
    """

    Executor: type[Executor] = futures.MPIPoolExecutor

    def __init__(
        self,
        processes: int | None = None,
        initializer: Callable[..., object] | None = None,
        initargs: Iterable[Any] = (),
        **kwargs: Any,
    ) -> None:
        """Initialize a new Pool instance."""
        for name in ("maxtasksperchild", "context"):
            if kwargs.pop(name, None) is not None:
                warnings.warn(f"argument {name!r} is not supported", UserWarning, stacklevel=2)
        make: Callable[..., Any] = self.Executor
        self.executor = make(processes, initializer=initializer, initargs=initargs, **kwargs)

    def apply(
        self,
        func: Callable[..., T],
        args: Iterable[Any] = (),
        kwds: Mapping[str, Any] | None = None,
    ) -> T:
        """Call *func* with arguments *args* and keyword arguments *kwds*."""
        result: T = self.executor.submit(func, *args, **(kwds or {})).result()
        return result

    def apply_async(
        self,
        func: Callable[..., T],
        args: Iterable[Any] = (),
        kwds: Mapping[str, Any] | None = None,
        callback: Callable[[T], object] | None = None,
        error_callback: Callable[[BaseException], object] | None = None,
    ) -> AsyncResult[T]:
        """Asynchronous version of `apply()` returning `ApplyResult`."""
        future = self.executor.submit(func, *args, **(kwds or {}))
        return ApplyResult(future, callback, error_callback)

    def map(
        self, func: Callable[[Any], T], iterable: Iterable[Any], chunksize: int | None = None
    ) -> list[T]:
        """Apply *func* to each element in *iterable*, and return the list of all results."""
        items = list(iterable)
        return list(self.executor.map(func, items, chunksize=self._chunk(items, chunksize)))

    def map_async(
        self,
        func: Callable[[Any], T],
        iterable: Iterable[Any],
        chunksize: int | None = None,
        callback: Callable[[list[T]], object] | None = None,
        error_callback: Callable[[BaseException], object] | None = None,
    ) -> MapResult[T]:
        """Asynchronous version of `map()` returning `MapResult`."""
        return self._async(_map_chunk, func, (iterable, chunksize), callback, error_callback)

    def imap(
        self, func: Callable[[Any], T], iterable: Iterable[Any], chunksize: int = 1
    ) -> Iterator[T]:
        """Like `map()` but return an `iterator`."""
        return self._own.map(func, iterable, chunksize=chunksize)

    def imap_unordered(
        self, func: Callable[[Any], T], iterable: Iterable[Any], chunksize: int = 1
    ) -> Iterator[T]:
        """Like `map()` but ordering of results is arbitrary."""
        return self._own.map(func, iterable, chunksize=chunksize, unordered=True)

    def starmap(
        self,
        func: Callable[..., T],
        iterable: Iterable[Iterable[Any]],
        chunksize: int | None = None,
    ) -> list[T]:
        """Apply *func* to each argument tuple in *iterable*, and return the list of all results."""
        items = list(iterable)
        return list(self._own.starmap(func, items, chunksize=self._chunk(items, chunksize)))

    def starmap_async(
        self,
        func: Callable[..., T],
        iterable: Iterable[Iterable[Any]],
        chunksize: int | None = None,
        callback: Callable[[list[T]], object] | None = None,
        error_callback: Callable[[BaseException], object] | None = None,
    ) -> MapResult[T]:
        """Asynchronous version of `starmap()` returning `MapResult`."""
        return self._async(_starmap_chunk, func, (iterable, chunksize), callback, error_callback)

    def istarmap(
        self, func: Callable[..., T], iterable: Iterable[Iterable[Any]], chunksize: int = 1
    ) -> Iterator[T]:
        """Like `starmap()` but return an `iterator`."""
        return self._own.starmap(func, iterable, chunksize=chunksize)

    def istarmap_unordered(
        self, func: Callable[..., T], iterable: Iterable[Iterable[Any]], chunksize: int = 1
    ) -> Iterator[T]:
        """Like `starmap()` but ordering of results is arbitrary."""
        return self._own.starmap(func, iterable, chunksize=chunksize, unordered=True)

    def close(self) -> None:
        """Prevent any more tasks from being submitted to the pool."""
        self.executor.shutdown(wait=False)

    def terminate(self) -> None:
        """Stop the worker processes without completing pending tasks."""
        self.executor.shutdown(wait=False, cancel_futures=True)

    def join(self) -> None:
        """Wait for the worker processes to exit."""
        self.executor.shutdown(wait=True)

    def __enter__(self) -> Self:
        """Return pool."""
        return self

    def __exit__(self, *args: object) -> None:
        """Close pool."""
        self.close()

    @property
    def _own(self) -> futures.MPIPoolExecutor:
        """The executor, for what other kinds of executors don't have."""
        executor: futures.MPIPoolExecutor = self.executor
        return executor

    def _chunk(self, items: list[Any], chunksize: int | None) -> int:
        """A size of chunks of which each worker gets about four, as multiprocessing has it."""
        if chunksize is not None:
            return chunksize
        return max(1, -(-len(items) // (4 * getattr(self.executor, "num_workers", 1) or 1)))

    def _async(
        self,
        act: Callable[..., list[Any]],
        func: Callable[..., Any],
        work: tuple[Iterable[Any], int | None],
        callback: Callable[[list[Any]], object] | None,
        error_callback: Callable[[BaseException], object] | None,
    ) -> MapResult[Any]:
        items = list(work[0])
        size = self._chunk(items, work[1])
        chunks = [items[start : start + size] for start in range(0, len(items), size)]
        parts = futures.collect([self.executor.submit(act, func, chunk) for chunk in chunks])
        return MapResult(futures.compose(parts, _joined), callback, error_callback)


class ThreadPool(Pool):
    """Pool using threads as workers."""

    Executor = futures.ThreadPoolExecutor


class AsyncResult(Generic[T]):
    """Asynchronous result.

    Args:
        future: what it is the result of.
        callback: called with the result.
        error_callback: called with the exception.
    """

    def __init__(
        self,
        future: Future[T],
        callback: Callable[[T], object] | None = None,
        error_callback: Callable[[BaseException], object] | None = None,
    ) -> None:
        """Wrap a future object and register callbacks."""
        self.future = future

        def on_done(_: Future[T]) -> None:
            try:
                result = future.result()
            except BaseException as error:  # noqa: BLE001  it is handed on
                if error_callback is not None:
                    error_callback(error)
            else:
                if callback is not None:
                    callback(result)

        if callback is not None or error_callback is not None:
            future.add_done_callback(on_done)

    def get(self, timeout: float | None = None) -> T:
        """Return the result when it arrives; TimeoutError if not in time, or if it never will."""
        try:
            return self.future.result(timeout)
        except CancelledError as error:
            raise TimeoutError("the pool was terminated before the call began") from error

    def wait(self, timeout: float | None = None) -> None:
        """Wait until the result is available or *timeout* seconds pass."""
        futures.wait([self.future], timeout)

    def ready(self) -> bool:
        """Return whether the call has completed."""
        return self.future.done()

    def successful(self) -> bool:
        """Return whether the call completed without raising an exception."""
        if not self.future.done():
            raise ValueError("the result is not ready")
        return not self.future.cancelled() and self.future.exception() is None


class ApplyResult(AsyncResult[T]):
    """Result type of `apply_async()`."""


class MapResult(AsyncResult[list[T]]):
    """Result type of `map_async()` and `starmap_async()`."""


def _map_chunk(func: Callable[[Any], Any], chunk: list[Any]) -> list[Any]:
    return [func(item) for item in chunk]


def _starmap_chunk(func: Callable[..., Any], chunk: list[Any]) -> list[Any]:
    return [func(*item) for item in chunk]


def _joined(parts: list[list[Any]]) -> list[Any]:
    return [item for part in parts for item in part]
