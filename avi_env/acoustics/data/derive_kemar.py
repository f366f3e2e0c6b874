"""Derives the compact KEMAR table from the SOFA file of the measurement.

    python -m avi_env.acoustics.data.derive_kemar MIT_KEMAR_normal_pinna.sofa

The Debian package libmysofa1 carries that file: `apt-get download libmysofa1`, `dpkg -x libmysofa1*.deb DIR`, then
DIR/usr/share/libmysofa/MIT_KEMAR_normal_pinna.sofa. The set is exactly left-right symmetric, so one ear is kept:
minimum phase, diffuse-field equalised, 128 taps of 16 bits at 44.1 kHz, and the interaural delay.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
from pathlib import Path

import numpy as np

from avi_env.acoustics.hrtf import hrtf_from_responses
from avi_env.acoustics.sofa import read_sofa

__all__ = ["derive"]

_TAPS = 128


def derive(source: Path, target: Path) -> str:
    """Writes the compact table of a symmetric SOFA set and returns a line that describes it.

    Raises:
        ValueError: the set is not symmetric, so one ear does not stand for both.
    """
    measured = read_sofa(source)
    head = hrtf_from_responses(measured, round(measured.sample_rate))
    if not head.is_mirrored:
        raise ValueError(f"{source} is not left-right symmetric: load it by its path instead of deriving a table")
    np.savez_compressed(
        target,
        directions=measured.directions,
        left_taps=head.taps[:, 0, :_TAPS].astype(np.float16),
        itd=head.itd,
        sample_rate=np.int32(head.sample_rate),
        source_sha256=np.array(hashlib.sha256(source.read_bytes()).hexdigest()),
    )
    return f"{target}: {len(head.directions)} directions, {target.stat().st_size} bytes"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sofa", type=Path, help="MIT_KEMAR_normal_pinna.sofa")
    parser.add_argument("--output", type=Path, default=Path(__file__).with_name("kemar.npz"))
    arguments = parser.parse_args()
    sys.stdout.write(derive(arguments.sofa, arguments.output) + "\n")
