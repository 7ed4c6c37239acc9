"""A server that somebody else started."""


class Given:
    """`LACUNA_URL`: tests run against it as it is."""

    name = "given"

    def __init__(self, url: str):
        self.url = url.rstrip("/")
        self.urls = [self.url]

    def start(self) -> "Given":
        return self

    def stop(self) -> None:
        pass

    def must_run(self) -> None:
        pass
