"""What torch.save wrote, torch.load finds again after conversions: the same types in the same order."""

from pathlib import Path

import torch

from support import TestCase


class RoundTripTestCase(TestCase):
    def save(self, value) -> Path:
        path = self.path("saved").with_suffix(".pt")
        torch.save(value, path)
        return path

    def through(self, path: Path, suffixes: tuple[str, ...], *arguments) -> Path:
        for index, suffix in enumerate(suffixes):
            target = self.path(f"way-{index}").with_suffix(suffix)
            self.flywheel("convert", path, target, *arguments)
            path = target
        return path

    def load(self, path: Path):
        return torch.load(path, weights_only=True)


class Types(RoundTripTestCase):
    def test_types_that_are_only_carried_keep_their_names(self):
        kinds = ["float8_e4m3fnuz", "float8_e5m2fnuz", "float8_e8m0fnu", "complex32"]
        for name in kinds:
            value = torch.arange(8, dtype=torch.uint8).view(getattr(torch, name))
            with self.subTest(name):
                source = self.save({"x": value})
                ways = [(".pt",)]
                if name != "complex32":
                    ways += [(".safetensors", ".pt")]
                for way in ways:
                    found = self.load(self.through(source, way))["x"]
                    self.assertEqual(found.dtype, value.dtype)
                    self.assertEqual(
                        found.view(torch.uint8).tolist(), value.view(torch.uint8).tolist()
                    )
        first, second = (self.path(name).with_suffix(".pt") for name in "ab")
        for path, name in ((first, kinds[0]), (second, kinds[2])):
            torch.save({"x": torch.arange(8, dtype=torch.uint8).view(getattr(torch, name))}, path)
        self.flywheel("diff", first, second, status=1)
