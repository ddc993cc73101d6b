"""Does difflab.load_run read what the program has written, and say what it can't read?

python reading.py RUN MOONS     a run of images, and one of points with a history, snapshots and held-out losses
"""

import json
import math
import shutil
import struct
import sys
import tempfile
import unittest
import warnings
from pathlib import Path

import difflab

try:
    import numpy
except ImportError:
    numpy = None

RUN, MOONS = Path(sys.argv[1]), Path(sys.argv[2])


class WholeRuns(unittest.TestCase):
    def setUp(self):
        warnings.simplefilter("error")  # of a whole run nothing is left out

    def test_config_and_facts(self):
        run = difflab.load_run(RUN)
        self.assertEqual(run.name, "mnist-quick")
        self.assertEqual((run.config["version"], run.config["train"]["steps"]), (1, 20))
        self.assertEqual(len(run.facts["run"]), 16)
        self.assertEqual([run.events[0].kind, run.events[-1].kind], ["start", "finish"])
        self.assertEqual(run.events[-1].step, 20)
        self.assertEqual(run.problems, [])
        self.assertEqual(difflab.load_run(str(RUN)).config, run.config)

    def test_metrics_are_the_lines_of_the_file(self):
        for path in RUN, MOONS:
            metrics = difflab.load_run(path).metrics
            lines = [json.loads(line) for line in (path / "metrics.jsonl").read_text().splitlines()]
            self.assertEqual(len(metrics), len(lines))
            for name, column in metrics.columns().items():
                self.assertEqual(len(column), len(lines), name)
                for value, line in zip(column, lines):
                    self.assertTrue(value == line[name] if name in line else math.isnan(value), name)
            known = set().union(*lines)
            self.assertLessEqual(known, set(metrics.columns()), "a key of the program's has no column")

    def test_curves(self):
        metrics = difflab.load_run(MOONS).metrics
        steps, losses = metrics.curve("val_loss")
        self.assertEqual(list(steps), [20, 40, 60])
        self.assertTrue(all(0 < loss < 2 for loss in losses))
        self.assertEqual(metrics.curve()[0], metrics.step)
        with self.assertRaisesRegex(KeyError, "no column 'val'; there are: step"):
            metrics.curve("val")

    def test_timestep_loss(self):
        rows = difflab.load_run(RUN).timestep_loss
        self.assertEqual((list(rows.step), len(rows.t), rows.t[0]), ([10, 20], 40, 0))
        self.assertTrue(all(len(mean) == len(count) == 40 for mean, count in zip(rows.mean, rows.count)))
        self.assertEqual(sum(map(sum, rows.count)), 20 * 32)  # every sample of every batch

    def test_checkpoints_and_history(self):
        (checkpoint,) = difflab.load_run(RUN).checkpoints
        self.assertEqual((checkpoint.step, checkpoint.state["step"]), (20, 20))
        averaged, raw = checkpoint.tensors(), checkpoint.tensors("difflab/weights.safetensors")
        self.assertEqual(averaged["conv_in.weight"].shape, (8, 1, 3, 3))
        self.assertTrue(averaged.keys() <= raw.keys())
        run = difflab.load_run(MOONS)
        self.assertEqual([kept.step for kept in run.history], [1, 2, 3, 5, 10, 20, 30, 50])
        (whole,) = run.checkpoints
        halves, full = run.history[-1].tensors(), whole.tensors()
        self.assertEqual(halves.keys(), full.keys())
        for name, tensor in full.items():
            self.assertEqual((tensor.dtype, halves[name].dtype, halves[name].shape), ("F32", "F16", tensor.shape))
            difference = max(abs(a - b) for a, b in zip(tensor.values(), halves[name].values()))
            self.assertLess(difference, 0.1, name)  # ten steps lie between

    def test_pictures(self):
        run = difflab.load_run(MOONS)
        self.assertEqual([snapshot.step for snapshot in run.snapshots], [30, 60])
        snapshot = run.snapshots[-1]
        self.assertEqual(snapshot.samples().shape, (64, 2, 1, 1))
        self.assertEqual(list(snapshot.samples().shape), snapshot.facts["shape"])
        for picture in (snapshot, run.previews[-1], difflab.load_run(RUN).previews[-1]):
            self.assertEqual(picture._repr_png_()[:4], b"\x89PNG")
        self.assertEqual(snapshot.film.read_bytes()[:3], b"GIF")

    def test_runs(self):
        found = difflab.runs(RUN.parent)
        self.assertEqual([run.path for run in found], sorted([RUN, MOONS]))

    @unittest.skipIf(numpy is None, "NumPy is not installed here")
    def test_numpy(self):
        run = difflab.load_run(MOONS)
        arrays = run.metrics.to_numpy()
        self.assertEqual(arrays["step"].dtype, numpy.int64)
        self.assertTrue(numpy.array_equal(arrays["loss"], numpy.asarray(run.metrics.loss)))
        self.assertEqual(run.timestep_loss.to_numpy().shape, (len(run.timestep_loss), 40))
        for tensors in run.checkpoints[-1].tensors(), run.history[-1].tensors():
            for tensor in tensors.values():
                array = tensor.to_numpy()
                self.assertEqual(array.shape, tensor.shape)
                self.assertEqual(array.ravel().tolist(), tensor.values())


class BrokenRuns(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.place = Path(folder.name)
        self.run = self.place / "runs" / "broken"
        shutil.copytree(RUN, self.run)

    def refused(self, path, *words):
        with self.assertRaises(difflab.RunError) as caught:
            difflab.load_run(path)
        for word in words:
            self.assertIn(word, str(caught.exception))

    def warned(self, part, *words):
        """The part of the run, and the one warning that it came with."""
        run = difflab.load_run(self.run)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            read = getattr(run, part)
        self.assertEqual([str(warning.message) for warning in caught], run.problems)
        self.assertEqual(len(caught), 1)
        self.assertTrue(issubclass(caught[0].category, difflab.RunWarning))
        self.assertEqual(caught[0].filename, __file__, "the warning names the line that asked")
        for word in words:
            self.assertIn(word, run.problems[0])
        return read

    def test_no_run(self):
        self.refused(self.place / "runs" / "other", "there is no", "such as runs/one", "broken")
        self.refused(self.place, "is no run: it has no config.toml")
        self.refused(self.run / "config.toml", "is a file", "folder")
        empty = self.place / "empty"
        empty.mkdir()
        self.refused(empty / "x", "difflab mnist-quick --no-tui")
        with self.assertRaisesRegex(difflab.RunError, "there is no folder"):
            difflab.runs(self.place / "nowhere")

    def test_config(self):
        file = self.run / "config.toml"
        file.write_text("version = 2\nhologram = true\n")
        self.refused(self.run, "format version 2", "newer difflab", "upgrade")
        for content in b"version = \n", b"\xff\xfe", b"a = 1\na = 2\n":
            file.write_bytes(content)
            self.refused(self.run, "config.toml does not read", "checkpoints")
        file.write_text("a = " + "[" * 5000)
        self.refused(self.run, "config.toml does not read")
        for content in ("", "[tool.poetry]\nname = 'x'\n"):
            file.write_text(content)
            self.refused(self.run, "is no config of difflab", "[train]")
        file.write_text("version = '9'\n[train]\n")
        self.refused(self.run, "format version '9', which is none")
        self.refused("a" * 5000, "can't be looked at")
        file.write_text("version = \n")
        with self.assertWarnsRegex(difflab.RunWarning, "does not read.*the run is left out"):
            self.assertEqual(difflab.runs(self.run.parent), [])
        file.unlink()
        self.refused(self.run, "has no config.toml")
        file.mkdir()
        self.refused(self.run, "can't be read")

    def test_a_run_that_is_being_written(self):
        file = self.run / "metrics.jsonl"
        lines = file.read_text().splitlines(keepends=True)
        file.write_text("".join(lines[:5]) + lines[5][:30])
        run = difflab.load_run(self.run)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            self.assertEqual(list(run.metrics.step), [1, 2, 3, 4, 5])
        for name in "metrics.jsonl", "timestep_loss.jsonl", "events.jsonl", "run.json":
            (self.run / name).unlink()
        for name in "checkpoints", "previews":
            shutil.rmtree(self.run / name)
        run = difflab.load_run(self.run)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            self.assertEqual((len(run.metrics), len(run.timestep_loss), run.events, run.facts), (0, 0, [], {}))
            self.assertEqual((run.checkpoints, run.history, run.previews, run.snapshots), ([], [], [], []))
            self.assertEqual(repr(run.metrics), "Metrics(no steps yet)")

    def test_lines_that_are_none(self):
        file = self.run / "metrics.jsonl"
        lines = file.read_text().splitlines(keepends=True)
        whole = "".join(lines[:3])
        file.write_text(whole + "x\n\n" + lines[3])
        self.assertEqual(list(self.warned("metrics", "line 4 can't be read, and is left out").step), [1, 2, 3, 4])
        others = ["[]", "{}", '{"step":4}', '{"step":"4","loss":1}', '{"step":4,"loss":"low"}', '{"step":1.5,"loss":1}']
        others += ['{"step":99999999999999999999,"loss":1}', '{"step":-1,"loss":1}', '{"step":true,"loss":1}', "\0\0"]
        others += ["\udcff", "[" * 100_000, '{"step":4,"loss":1' + "0" * 400 + "}"]
        file.write_bytes((whole + "\n".join(others) + "\n" + lines[3]).encode(errors="surrogateescape"))
        said = f"{len(others)} lines can't be read, the first is line 4"
        self.assertEqual(list(self.warned("metrics", said).step), [1, 2, 3, 4])

    def test_what_is_not_finite_or_not_there_is_nan(self):
        file = self.run / "metrics.jsonl"
        file.write_text('{"step":1,"loss":null,"lr":0.1,"new_key":"x"}\n{"step":2,"loss":NaN,"grad_norm":1e999}\n')
        metrics = difflab.load_run(self.run).metrics
        self.assertTrue(all(map(math.isnan, metrics.loss)) and math.isnan(metrics.epoch[0]))
        self.assertEqual((metrics.lr[0], metrics.grad_norm[1]), (0.1, math.inf))
        self.assertEqual(len(metrics.curve("loss")[0]), 0)

    def test_a_file_that_can_t_be_read(self):
        (self.run / "metrics.jsonl").unlink()
        (self.run / "metrics.jsonl").mkdir()
        with self.assertRaisesRegex(difflab.RunError, "metrics.jsonl can't be read: "):
            _ = difflab.load_run(self.run).metrics

    def test_bins_that_change(self):
        row = {"t": [0, 500], "mean": [1.0, None], "count": [3, 0]}
        rows = [{"step": 10, **row, "t": [0, 400]}, {"step": 20, **row}, {"step": 30, **row}]
        (self.run / "timestep_loss.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
        read = self.warned("timestep_loss", "1 row has other bins")
        self.assertEqual((list(read.step), list(read.t)), ([20, 30], [0, 500]))
        self.assertTrue(math.isnan(read.mean[0][1]))
        (self.run / "timestep_loss.jsonl").write_text(json.dumps({"step": 10, **row, "count": [1]}) + "\n")
        self.assertEqual(len(self.warned("timestep_loss", "line 1 can't be read")), 0)

    def test_facts_and_snapshots(self):
        (self.run / "run.json").write_text("{")
        self.assertEqual(self.warned("facts", "run.json is no JSON"), {})
        for name in "step-00000010", ".step-00000020.partial", "notes":
            (self.run / "snapshots" / name).mkdir(parents=True)
        self.assertEqual(self.warned("snapshots", "step-00000010: snapshot.json can't be read"), [])
        (self.run / "snapshots/step-00000010/snapshot.json").write_text("{}")
        self.assertEqual(self.warned("snapshots", "snapshot.json is damaged"), [])
        (self.run / "snapshots/step-00000010/snapshot.json").write_text('{"step": 1e999}')
        self.assertEqual(self.warned("snapshots", "snapshot.json is damaged"), [])
        (self.run / "snapshots/step-00000010/snapshot.json").write_text('{"step": 10}')
        (snapshot,) = difflab.load_run(self.run).snapshots
        with self.assertRaisesRegex(difflab.RunError, "grid.png can't be read"):
            snapshot._repr_png_()

    def test_a_folder_of_runs_is_no_run(self):
        with self.assertRaisesRegex(difflab.RunError, "is one run: load_run reads it"):
            difflab.runs(self.run)
        with self.assertRaisesRegex(difflab.RunError, "config.toml is a file"):
            difflab.runs(self.run / "config.toml")

    def test_tensors(self):
        (checkpoint,) = difflab.load_run(self.run).checkpoints
        whole = checkpoint.weights.read_bytes()
        (length,) = struct.unpack("<Q", whole[:8])
        header = json.loads(whole[8 : 8 + length])
        first = next(name for name in header if name != "__metadata__")

        def changed(**entry):
            text = json.dumps({**header, first: {**header[first], **entry}}).encode()
            return struct.pack("<Q", len(text)) + text + whole[8 + length :]

        for content, words in [
            (b"", "it has 0 bytes"),
            (b"\xff" * 64, "its header would end behind the file"),
            (whole[:-5], "cut off"),
            (struct.pack("<Q", 2) + b"[]", "no safetensors file"),
            (struct.pack("<Q", 4) + b"{..}", "no safetensors file"),
            (changed(dtype="F4"), "type F4"),
            (changed(shape=[7, 7]), "does not fit"),
            (changed(shape=[-1]), "no whole number"),
            (changed(shape=[True, 1]), "no whole number"),
            (changed(data_offsets=[10, 2]), "cut off"),
        ]:
            checkpoint.weights.write_bytes(content)
            with self.assertRaisesRegex(difflab.RunError, words):
                checkpoint.tensors()
        checkpoint.weights.unlink()
        with self.assertRaisesRegex(difflab.RunError, "no whole checkpoint.*Take another"):
            checkpoint.tensors()
        with self.assertRaisesRegex(difflab.RunError, "there is no .*nothing"):
            checkpoint.tensors("nothing")

    def test_types_of_numbers(self):
        path = self.place / "x.safetensors"
        rows = {"BF16": (struct.pack("<2H", 0x3F80, 0xC000), [1.0, -2.0])}
        for dtype, code in {"F64": "d", "F16": "e", "I64": "q", "I8": "b", "U16": "H", "BOOL": "?"}.items():
            rows[dtype] = (struct.pack(f"<2{code}", 1, 0), [1, 0])
        header, data = {}, b""
        for dtype, (content, _) in rows.items():
            header[dtype] = {"dtype": dtype, "shape": [2, 1], "data_offsets": [len(data), len(data) + len(content)]}
            data += content
        text = json.dumps(header).encode()
        path.write_bytes(struct.pack("<Q", len(text)) + text + data)
        self.assertEqual(set(difflab.read_tensors(str(path))), set(rows))
        for dtype, tensor in difflab.read_tensors(path).items():
            self.assertEqual((tensor.values(), tensor.shape), (rows[dtype][1], (2, 1)), dtype)
            if numpy is not None:
                self.assertEqual(tensor.to_numpy().ravel().tolist(), rows[dtype][1], dtype)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
