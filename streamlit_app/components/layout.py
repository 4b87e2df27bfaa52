"""Arrangement that several sections use."""

from __future__ import annotations

import streamlit as st
from streamlit.delta_generator import DeltaGenerator


def halves() -> tuple[DeltaGenerator, DeltaGenerator]:
    """Two columns side by side; one below the other on a phone."""
    left, right = st.columns(2, gap="xsmall")
    return left, right
