"""Distributed checkpoints, saved by the real torch.distributed.checkpoint: read as whole tensors."""

import os
import pickle
import unittest
from pathlib import Path

import h5py
import numpy as np
import torch
from torch.distributed.checkpoint.format_utils import dcp_to_torch_save

import distributed_files
from support import TestCase, only_full

FIXTURES = Path(__file__).resolve().parents[1] / "Fixtures" / "dcp"


class Distributed(TestCase):
    def converted(self, folder: Path) -> dict[str, np.ndarray]:
        target = self.path("arrays").with_suffix(".npz")
        self.flywheel("convert", folder, target, "--drop")
        with np.load(target) as file:
            return {key: file[key] for key in file.files if key != "flywheel.metadata"}

    def assert_reads(self, folder: Path) -> None:
        """Every tensor is the one that PyTorch itself puts together."""
        whole = self.path("whole").with_suffix(".pt")
        dcp_to_torch_save(str(folder), str(whole))
        state = torch.load(whole, weights_only=True)
        expected = {f"model.{name}": tensor for name, tensor in state["model"].items()}
        for name, slots in state["optim"]["state"].items():
            for slot, value in slots.items():
                expected[f"optim.state.{name}.{slot}"] = torch.as_tensor(value)
        found = self.converted(folder)
        self.assertEqual(set(found), set(expected))
        for key, tensor in expected.items():
            self.assertEqual(found[key].shape, tuple(tensor.shape), key)
            elements = tensor.contiguous().flatten().view(torch.uint8).numpy()
            self.assertEqual(found[key].tobytes(), elements.tobytes(), key)

    def test_what_one_process_saved_is_what_torch_reads(self) -> None:
        folder = self.path("alone")
        distributed_files.save_alone(folder)
        self.assert_reads(folder)

    def test_what_four_processes_saved_before_is_what_torch_reads(self) -> None:
        self.assert_reads(FIXTURES / "together")

    @only_full("starts four processes of PyTorch")
    def test_what_four_processes_save_is_what_torch_reads(self) -> None:
        folder = self.path("together")
        distributed_files.save_together(folder)
        self.assert_reads(folder)

    def test_numbers_and_texts_are_attributes_of_what_holds_them(self) -> None:
        folder, target = self.path("numbers"), self.path("numbers").with_suffix(".h5")
        distributed_files.save_alone(folder)
        self.assertEqual(self.flywheel("inspect", folder, "--json").json["format"], "dcp")
        self.flywheel("convert", folder, target)
        with h5py.File(target) as file:
            group = file["optim.param_groups.0"].attrs
            self.assertEqual(group["lr"], 0.01)
            self.assertEqual(list(group["betas"]), [0.9, 0.999])
            self.assertEqual(list(group["params"]), [b"rows.weight", b"few"])
            self.assertEqual(file.attrs["epoch"], 3)

    def test_what_is_no_data_is_refused(self) -> None:
        folder = self.path("hostile")
        distributed_files.save_alone(folder)
        metadata = pickle.loads((folder / ".metadata").read_bytes())
        metadata.planner_data = Call()
        (folder / ".metadata").write_bytes(pickle.dumps(metadata))
        result = self.flywheel("inspect", folder, status=2)
        self.assertIn("posix.system", result.stderr)
        self.assertIn(".metadata", result.stderr)


class Call:
    """What would run a command if it was unpickled."""

    def __reduce__(self):
        return os.system, ("false",)


if __name__ == "__main__":
    unittest.main()
