"""Reports: tables, pictures, and one HTML file that opens anywhere."""

from deephedge.reports.contents import Agreement, ReportContents, Story, Surface, Training
from deephedge.reports.html import render, write
from deephedge.reports.picture import picture

__all__ = ["Agreement", "ReportContents", "Story", "Surface", "Training", "picture", "render", "write"]
