"""A deployment that lives as long as a block."""


class Lifetime:
    """`with Embedded(…) as running:` starts it, and stops it whatever happens, also where its start fails."""

    def __enter__(self):
        try:
            return self.start()
        except BaseException:
            self.stop()
            raise

    def __exit__(self, *_):
        self.stop()
