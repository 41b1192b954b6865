"""What the trainers of other libraries save by themselves: the real Lightning's files, transformers' folders."""

import contextlib
import io

import torch
from safetensors.torch import load_file

from support import TestCase, only_full

OUTPUTS = 2


def examples() -> list[dict]:
    torch.manual_seed(1)
    return [
        {"input_ids": torch.randint(0, 50, (8,)), "labels": torch.tensor(number % OUTPUTS)} for number in range(16)
    ]


class Stack(torch.nn.Module):
    """Dense layers whose names are their places."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(2)
        self.layers = torch.nn.ModuleList(torch.nn.Linear(8, width) for width in (8, 8, OUTPUTS))

    def forward(self, input_ids, labels):
        values = input_ids.float() / 50
        for layer in self.layers[:-1]:
            values = torch.relu(layer(values))
        logits = self.layers[-1](values)
        return {"loss": torch.nn.functional.cross_entropy(logits, labels), "logits": logits}


class TransformersTrainer(TestCase):
    def trained(self, model):
        """The folder that the real Trainer leaves after six steps, and its optimizer."""
        import transformers

        folder = self.path()
        trainer = transformers.Trainer(
            model=model,
            train_dataset=examples(),
            args=transformers.TrainingArguments(
                output_dir=folder, max_steps=6, save_steps=3, per_device_train_batch_size=4, weight_decay=0.1,
                report_to=[], use_cpu=True, disable_tqdm=True, logging_strategy="no",
            ),
        )  # fmt: skip
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            trainer.train()
        optimizer = trainer.optimizer
        return folder / "checkpoint-6", getattr(optimizer, "optimizer", optimizer)

    def assert_moments(self, folder, model, optimizer) -> None:
        """As a state of PyTorch, each parameter has its own values, moments and decay."""
        file = self.path().with_suffix(".pt")
        self.flywheel("convert", folder, file, "--to", "pytorch", "--drop")
        saved = torch.load(file, weights_only=True)
        parameters = dict(model.named_parameters())
        for name, value in parameters.items():
            self.assertTrue(torch.equal(saved["model"][name], value), name)
        decays = {id(value): group["weight_decay"] for group in optimizer.param_groups for value in group["params"]}
        met = []
        for group in saved["optimizer"]["param_groups"]:
            for number, name in zip(group["params"], group["param_names"]):
                met.append(name)
                self.assertEqual(group["weight_decay"], decays[id(parameters[name])], name)
                for word in ("exp_avg", "exp_avg_sq"):
                    expected = optimizer.state[parameters[name]][word]
                    self.assertTrue(torch.equal(saved["optimizer"]["state"][number][word], expected), name)
        self.assertEqual(sorted(met), sorted(parameters))

    @only_full("transformers takes long to import")
    def test_a_stack_of_dense_layers_goes_on_in_torch(self) -> None:
        model = Stack()
        folder, optimizer = self.trained(model)
        self.assertTrue((folder / "model.safetensors").is_file())
        self.assertIn("torch.optim.AdamW", self.flywheel("inspect", folder).stdout)
        self.assert_moments(folder, model, optimizer)

    @only_full("transformers takes long to import")
    def test_a_language_model_needs_the_order_of_its_parameters(self) -> None:
        import transformers

        torch.manual_seed(0)
        model = transformers.BertForSequenceClassification(
            transformers.BertConfig(
                vocab_size=50, hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=24,
                max_position_embeddings=16, num_labels=OUTPUTS,
            )
        )  # fmt: skip
        folder, optimizer = self.trained(model)
        target = self.path().with_suffix(".npz")
        refused = self.flywheel("convert", folder, target, "--to", "flywheel", status=2)
        self.assert_error(refused, "model's order", "pytorch_model.bin")
        self.assertFalse(target.exists())
        # As an archive nothing is missing.
        archive = self.path().with_suffix(".safetensors")
        said = self.flywheel("convert", folder, archive).stderr
        self.assertIn("left out: the file 'config.json'", said)
        found = load_file(archive)
        for name, value in model.state_dict().items():
            self.assertTrue(torch.equal(found[f"model.{name}"], value), name)
        # PyTorch's own file of the model says in which order they are.
        (folder / "model.safetensors").unlink()
        torch.save(model.state_dict(), folder / "pytorch_model.bin")
        self.assert_moments(folder, model, optimizer)
