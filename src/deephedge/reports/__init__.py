"""Reports: tables, pictures, and one HTML file that opens anywhere."""

from deephedge.reports.contents import Agreement, Forecast, ReportContents, Story, Surface, Training
from deephedge.reports.html import render, write
from deephedge.reports.picture import picture
from deephedge.reports.quality import quality_page

__all__ = [
    "Agreement",
    "Forecast",
    "ReportContents",
    "Story",
    "Surface",
    "Training",
    "picture",
    "quality_page",
    "render",
    "write",
]
