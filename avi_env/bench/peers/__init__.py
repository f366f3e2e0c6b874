"""Other simulators on the same mesh and poses, each in a process of its own, taking turns with ours."""

from avi_env.bench.peers.comparison import Comparison, compare
from avi_env.bench.peers.peer import Peer, peers
from avi_env.bench.peers.sound import SoundComparison, compare_sound

__all__ = ["Comparison", "Peer", "SoundComparison", "compare", "compare_sound", "peers"]
