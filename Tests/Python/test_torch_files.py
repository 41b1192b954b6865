"""Files of PyTorch, saved by the real torch: every tensor is the one that torch.load gives."""

import io
import os
import pickle
import random
import unittest
import warnings
import zipfile
from pathlib import Path

import h5py
import numpy as np
import torch

from support import TestCase, only_full
from torch_files import (
    arrays,
    big_endian,
    deflated,
    element_bytes,
    flatten,
    objects,
    of_every_dtype,
    old_stream,
    old_view,
    saved,
    signs,
    views,
    without_checksums,
    write,
)

# An optimizer of each kind, with the numbers that make it keep all of its buffers.
OPTIMIZERS = {
    "SGD": {"lr": 0.1, "momentum": 0.9, "nesterov": True},
    "Adam": {"lr": 0.01, "amsgrad": True},
    "AdamW": {"lr": 0.01, "weight_decay": 0.1},
    "NAdam": {"lr": 0.01},
    "RAdam": {"lr": 0.01},
    "RMSprop": {"lr": 0.01, "momentum": 0.9, "centered": True},
    "Adagrad": {"lr": 0.1},
    "Adadelta": {"lr": 1.0},
    "Adamax": {"lr": 0.01},
    "Rprop": {"lr": 0.01},
    "ASGD": {"lr": 0.01},
    "Adafactor": {"lr": 0.01},
    "LBFGS": {"lr": 0.1},
}


def trained(name: str, steps: int = 3) -> dict:
    """A checkpoint after some steps, as people write them."""
    torch.manual_seed(5)
    model = torch.nn.Sequential(
        torch.nn.Linear(6, 4), torch.nn.BatchNorm1d(4), torch.nn.ReLU(), torch.nn.Linear(4, 3)
    )
    optimizer = getattr(torch.optim, name)(model.parameters(), **OPTIMIZERS[name])
    schedule = torch.optim.lr_scheduler.MultiStepLR(optimizer, [2, 5])
    inputs, labels = torch.randn(8, 6), torch.arange(8) % 3

    def closure():
        optimizer.zero_grad()
        loss = torch.nn.functional.cross_entropy(model(inputs), labels)
        loss.backward()
        return loss

    for _ in range(steps):
        optimizer.step(closure)
        schedule.step()
    return {
        "epoch": steps,
        "model": model.state_dict(),
        "optimizer": optimizer.state_dict(),
        "scheduler": schedule.state_dict(),
        "rng": torch.get_rng_state(),
    }


# Types that only PyTorch's own files have room for, beside safetensors.
CARRIED = {torch.complex32, torch.float8_e4m3fnuz, torch.float8_e5m2fnuz, torch.float8_e8m0fnu}


class TorchTestCase(TestCase):
    def arrays(self, path: Path) -> dict[str, bytes]:
        """The elements of every tensor that Flywheel reads, through an .npz file."""
        target = self.path("arrays").with_suffix(".npz")
        self.flywheel("convert", path, target, "--drop")
        with np.load(target) as file:
            # What numpy has no types for is described in a document.
            return {key: file[key] for key in file.files if key != "flywheel.metadata"}

    def listed(self, path: Path) -> dict[str, dict]:
        rows = self.flywheel("inspect", path, "--json").json["tensors"]
        return {row["name"]: row for row in rows}

    def assert_reads(self, path: Path, value) -> None:
        """Every tensor of `value` is there, with its shape and its bytes, and nothing else."""
        expected = flatten(value)[0]
        found = self.arrays(path)
        carried = {key: tensor for key, tensor in expected.items() if tensor.dtype in CARRIED}
        self.assertEqual(list(found), [key for key in expected if key not in carried])
        for key, array in found.items():
            self.assertEqual(array.shape, tuple(expected[key].shape), key)
            self.assertEqual(array.tobytes(), element_bytes(expected[key]), key)
        if not carried:
            return
        target = self.path("carried").with_suffix(".pt")
        self.flywheel("convert", path, target, "--drop")
        written = flatten(loaded(target))[0]
        for key, tensor in carried.items():
            self.assertEqual((written[key].dtype, written[key].shape), (tensor.dtype, tensor.shape))
            self.assertEqual(element_bytes(written[key]), element_bytes(tensor), key)

    def save(self, data: bytes, name: str = "file.pt") -> Path:
        return write(self.path("torch").with_suffix("." + name), data)


def loaded(path: Path):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return torch.load(path, weights_only=True)


class Reading(TorchTestCase):
    def test_checkpoints_of_every_optimizer_are_what_torch_loads(self) -> None:
        for name in OPTIMIZERS:
            state = trained(name)
            for data in (saved(state), old_stream(state)):
                with self.subTest(name, bytes=len(data)):
                    path = self.save(data)
                    self.assert_reads(path, loaded(path))

    def test_every_dtype_is_read(self) -> None:
        value = of_every_dtype()
        for data in (saved(value), old_stream(value), deflated(saved(value))):
            self.assert_reads(self.save(data), value)

    def test_views_ties_and_signs_are_read(self) -> None:
        for value in (views(), signs()):
            for data in (saved(value), deflated(saved(value)), without_checksums(value)):
                path = self.save(data)
                self.assert_reads(path, loaded(path))

    def test_random_strides_are_read(self) -> None:
        chance = random.Random(3)
        value = {}
        for number in range(200):
            dtype = chance.choice([torch.int8, torch.float16, torch.float32, torch.complex64])
            base = torch.arange(400, dtype=torch.float32).to(dtype)
            extents = [chance.choice([0, 1, 2, 3, 5]) for _ in range(chance.randrange(5))]
            strides = [chance.randrange(8) for _ in extents]
            value[f"{number}"] = base.as_strided(extents, strides, chance.randrange(100))
        for data in (saved(value), old_stream(value)):
            self.assert_reads(self.save(data), value)

    def test_large_transposed_tensors_are_read(self) -> None:
        value = {
            "matrix": torch.arange(700 * 900, dtype=torch.int32).reshape(700, 900).t(),
            "images": torch.arange(2 * 30 * 40 * 50, dtype=torch.int16).reshape(2, 30, 40, 50)
            .to(memory_format=torch.channels_last),
            "expanded": torch.arange(1000, dtype=torch.float64).expand(300, 1000),
        }  # fmt: skip
        self.assert_reads(self.save(saved(value)), value)

    def test_a_big_endian_machines_file_is_read(self) -> None:
        value = of_every_dtype()
        path = self.save(big_endian(value))
        self.assert_reads(path, value)
        # torch itself swaps the bytes of types that have a storage of their own.
        for key, tensor in loaded(path).items():
            if key in ("float32", "int64", "bfloat16", "complex128", "bool"):
                self.assertEqual(element_bytes(tensor), element_bytes(value[key]), key)

    def test_parameters_subclasses_and_bare_objects_are_read(self) -> None:
        tagged = torch.nn.Parameter(torch.arange(3.0))
        tagged.tag = "x"
        buffer = torch.nn.Buffer(torch.ones(2))
        for value in (
            {"tagged": tagged, "buffer": buffer},
            torch.arange(4),
            [torch.ones(2), {"a": torch.zeros(1)}],
            torch.nn.Parameter(torch.ones(1)),
        ):
            self.assert_reads(self.save(saved(value)), value)

    def test_parts_of_storages_in_files_of_old_versions_are_read(self) -> None:
        path = self.save(old_view())
        self.assert_reads(path, loaded(path))

    def test_verify_says_which_files_have_checksums(self) -> None:
        value = {"w": torch.arange(6.0)}
        for data, words in (
            (saved(value), "whole by the container's checksums"),
            (deflated(saved(value)), "whole by the container's checksums"),
            (without_checksums(value), "no checksums"),
            (old_stream(value), "no checksums"),
        ):
            self.assertIn(words, self.flywheel("verify", self.save(data)).stdout)

    def test_a_pickle_that_inflates_to_more_than_any_is_refused(self) -> None:
        target = io.BytesIO()
        with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as file:
            file.writestr("archive/data.pkl", b"\x80\x02(" + b"N" * 30_000_000 + b"t.")
            file.writestr("archive/version", "3\n")
        path = self.save(target.getvalue())
        result = self.finish(self.start("inspect", path), 120)
        self.assert_error(result, str(path), "32 times as many")

    def test_many_tensors_are_read(self) -> None:
        value = {f"layers.{k}.weight": torch.full((3,), float(k)) for k in range(3000)}
        self.assert_reads(self.save(saved(value)), value)


    def test_what_numpy_left_in_checkpoints_is_read(self) -> None:
        value = arrays()
        path = self.save(saved(value))
        with self.assertRaises(pickle.UnpicklingError):  # which torch.load does not do by default
            loaded(path)
        self.assert_reads(path, value)

    def test_the_folder_of_a_trainer_is_read_as_one(self) -> None:
        folder = self.path("checkpoint-30")
        folder.mkdir()
        state = trained("AdamW")
        torch.save(state["model"], folder / "pytorch_model.bin")
        torch.save(state["optimizer"], folder / "optimizer.pt")
        torch.save({"last_epoch": 3, "base_lrs": [0.1, 0.1]}, folder / "scheduler.pt")
        generators = {
            "python": random.getstate(), "numpy": np.random.get_state(),
            "cpu": torch.get_rng_state(),
        }  # fmt: skip
        torch.save(generators, folder / "rng_state.pth")
        (folder / "trainer_state.json").write_text('{"epoch": 1.5, "global_step": 3}')
        (folder / "training_args.bin").write_bytes(pickle.dumps(Path("never read")))
        self.assertEqual(self.flywheel("inspect", folder, "--json").json["format"], "hf_checkpoint")
        whole = {
            "model": state["model"], "optimizer": state["optimizer"], "rng_state": generators
        }  # fmt: skip
        self.assert_reads(folder, whole)


class Attributes(TorchTestCase):
    def test_numbers_and_texts_become_attributes(self) -> None:
        for value in (objects(), trained("Adam")):
            path = self.save(saved(value))
            target = self.path("attributes").with_suffix(".h5")
            self.flywheel("convert", path, target)
            _, expected, _ = flatten(value)
            with h5py.File(target) as file:
                for owner, attributes in expected.items():
                    found = file[owner].attrs if owner else file.attrs
                    for name, attribute in attributes.items():
                        with self.subTest(owner=owner, name=name):
                            stored = found[name]
                            if isinstance(stored, np.ndarray):
                                stored = [
                                    item.decode() if isinstance(item, bytes) else item
                                    for item in stored.tolist()
                                ]
                            elif isinstance(stored, bytes):
                                stored = stored.decode()
                            self.assertEqual(stored, attribute)


class Listing(TorchTestCase):
    def test_ties_and_strides_are_told(self) -> None:
        rows = self.listed(self.save(saved(views())))
        self.assertEqual(rows["tied"]["storage"], "the same elements as 'base'")
        self.assertEqual(rows["transposed"]["storage"], "strides (1, 4, 12)")
        self.assertEqual(rows["base"]["storage"], "")

    def test_the_content_is_recognised_whatever_the_name_is(self) -> None:
        for data in (saved(views()), old_stream(views()), deflated(saved(views()))):
            for name in ("a.npz", "b.h5", "c"):
                path = self.save(data, name)
                self.assertEqual(self.flywheel("inspect", path, "--json").json["format"], "pt")

    def test_a_zip_file_without_a_pickle_is_no_file_of_torch(self) -> None:
        path = self.path().with_suffix(".pt")
        with open(path, "wb") as file:
            np.savez(file, x=np.ones(2))
        self.assertEqual(self.flywheel("inspect", path, "--json").json["format"], "npz")

    def test_tensors_that_are_not_read_say_why(self) -> None:
        value = {"sparse": torch.eye(2).to_sparse(), "meta": torch.empty(1, device="meta")}
        rows = self.listed(self.save(saved(value)))
        self.assertEqual([row["type"] for row in rows.values()], ["sparse tensor", "meta tensor"])
        result = self.flywheel(
            "convert", self.save(saved(value)), self.path().with_suffix(".npz"), status=2
        )
        self.assert_error(result, "sparse", "to_dense")


class Refusing(TorchTestCase):
    def test_code_is_not_run(self) -> None:
        proof = self.folder / "proof"

        class Evil:
            def __reduce__(self):
                return (os.system, (f"touch {proof}",))

        for data in (saved({"x": torch.ones(1), "y": Evil()}), old_stream({"y": Evil()})):
            path = self.save(data)
            result = self.flywheel("inspect", path, status=2)
            self.assert_error(result, "system", "byte")
            self.flywheel("verify", path, status=2)
        self.assertFalse(proof.exists())

    def test_other_classes_are_named(self) -> None:
        value = {"x": torch.ones(1), "path": Path("a")}
        self.assert_error(
            self.flywheel("inspect", self.save(saved(value)), status=2), "pathlib", "byte"
        )

    def test_a_flipped_bit_is_found(self) -> None:
        data = bytearray(saved({"x": torch.arange(100, dtype=torch.int32)}))
        place = data.index(bytes(torch.arange(100, dtype=torch.int32).view(torch.uint8).tolist()))
        data[place + 50] ^= 1
        path = self.save(bytes(data))
        result = self.flywheel("convert", path, self.path().with_suffix(".npz"), status=2)
        self.assert_error(result, "CRC-32", "'x'")

    def test_what_was_not_finished_is_refused(self) -> None:
        for data in (saved(views()), old_stream(views())):
            result = self.flywheel("inspect", self.save(data[: len(data) // 2]), status=2)
            self.assert_error(result)


class Lightning(TorchTestCase):
    @only_full("lightning takes long to import")
    def test_a_checkpoint_of_a_trainer_is_read(self) -> None:
        import lightning

        class Module(lightning.LightningModule):
            def __init__(self, width: int = 3):
                super().__init__()
                self.save_hyperparameters()
                self.net = torch.nn.Linear(4, width)

            def training_step(self, batch, _):
                return self.net(batch[0]).square().mean()

            def configure_optimizers(self):
                optimizer = torch.optim.Adam(self.parameters(), lr=0.01)
                return [optimizer], [torch.optim.lr_scheduler.StepLR(optimizer, 1)]

        data = torch.utils.data.DataLoader(
            torch.utils.data.TensorDataset(torch.randn(8, 4)), batch_size=2
        )
        trainer = lightning.Trainer(
            max_epochs=2, accelerator="cpu", logger=False, enable_progress_bar=False,
            enable_model_summary=False, default_root_dir=self.folder,
        )  # fmt: skip
        trainer.fit(Module(), data)
        path = self.folder / "last.ckpt"
        trainer.save_checkpoint(path)
        self.assert_reads(path, loaded(path))


if __name__ == "__main__":
    unittest.main()
