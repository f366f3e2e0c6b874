"""Absorption of sound by air, after ISO 9613-1."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from avi_env.acoustics.bands import BANDS_HZ

__all__ = ["AIR_DB_PER_METRE", "AIR_ENERGY_PER_METRE", "air_absorption_db"]

_REFERENCE_TEMPERATURE = 293.15  # [K], T0 of ISO 9613-1
_TRIPLE_POINT = 273.16  # [K]
_NEPER_DB = 10.0 * np.log10(np.e)  # energy exponent m [1/m] = alpha [dB/m] / 4.343


def air_absorption_db(
    frequency_hz: float | npt.ArrayLike, temperature_c: float = 20.0, humidity: float = 50.0
) -> npt.NDArray[np.float64]:
    """Returns the attenuation of a plane wave by still air [dB/m] at one atmosphere.

    Args:
        frequency_hz: frequencies [Hz], any shape.
        temperature_c: air temperature [degC], -20 .. 50.
        humidity: relative humidity [%], 10 .. 100.

    Raises:
        ValueError: temperature or humidity outside the range of the standard.

    Source:
        ISO 9613-1:1993, equations 3 to 5 and B.1, B.2.
    """
    if not -20.0 <= temperature_c <= 50.0:
        raise ValueError(f"temperature_c must lie in -20 .. 50 degC (ISO 9613-1), got {temperature_c:g}")
    if not 10.0 <= humidity <= 100.0:
        raise ValueError(f"humidity is relative humidity in percent, 10 .. 100, got {humidity:g}")
    frequency = np.asarray(frequency_hz, dtype=np.float64)
    kelvin = temperature_c + 273.15
    ratio = kelvin / _REFERENCE_TEMPERATURE
    water = humidity * 10.0 ** (-6.8346 * (_TRIPLE_POINT / kelvin) ** 1.261 + 4.6151)  # molar concentration [%]
    oxygen = 24.0 + 4.04e4 * water * (0.02 + water) / (0.391 + water)  # relaxation frequencies [Hz]
    nitrogen = ratio**-0.5 * (9.0 + 280.0 * water * np.exp(-4.170 * (ratio ** (-1.0 / 3.0) - 1.0)))
    square = frequency**2
    vibration = 0.01275 * np.exp(-2239.1 / kelvin) / (oxygen + square / oxygen)
    vibration = vibration + 0.1068 * np.exp(-3352.0 / kelvin) / (nitrogen + square / nitrogen)
    return np.asarray(8.686 * square * (1.84e-11 * np.sqrt(ratio) + ratio**-2.5 * vibration))


AIR_DB_PER_METRE: npt.NDArray[np.float64] = air_absorption_db(BANDS_HZ)
"""Attenuation per octave [dB/m] at 20 degC and 50 %, shape (7,)."""

AIR_ENERGY_PER_METRE: npt.NDArray[np.float64] = AIR_DB_PER_METRE / _NEPER_DB
"""Energy exponent m per octave [1/m]: energy falls as exp(-m d), shape (7,)."""

for _array in (AIR_DB_PER_METRE, AIR_ENERGY_PER_METRE):
    _array.setflags(write=False)
