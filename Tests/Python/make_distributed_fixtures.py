#!/usr/bin/env python3
"""Makes the directories in Tests/Fixtures/dcp with the real torch.distributed.checkpoint.

They are committed: run this only to make them anew.
"""

import os
import shutil
from pathlib import Path

import distributed_files

FOLDER = Path(__file__).resolve().parents[1] / "Fixtures" / "dcp"

if __name__ == "__main__":
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir(parents=True)
    # The metadata keep the path.
    os.chdir(FOLDER)
    distributed_files.save_alone(Path("alone"))
    distributed_files.save_together(Path("together"))
