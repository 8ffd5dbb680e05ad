"""Teaches a two-layer BERT which of two words a sentence is made of, with a Hugging Face Trainer and without its hub."""

import argparse
import os

import torch
from transformers import BertConfig, BertForSequenceClassification, Trainer, TrainingArguments, set_seed

parser = argparse.ArgumentParser()
parser.add_argument("--epochs", type=float, default=3)
parser.add_argument("--learning_rate", type=float, default=2e-3)
arguments = parser.parse_args()
set_seed(1)

START, END, FIRST_WORD = 1, 2, 3
WORDS = 20


class Sentences(torch.utils.data.Dataset):
    """Words of the lower or of the upper half, and which half it is."""

    def __init__(self, count, seed):
        chance = torch.Generator().manual_seed(seed)
        self.labels = torch.randint(0, 2, (count,), generator=chance)
        words = torch.randint(0, WORDS // 2, (count, 8), generator=chance) + self.labels[:, None] * (WORDS // 2)
        edge = torch.ones(count, 1, dtype=torch.long)
        self.tokens = torch.cat([edge * START, words + FIRST_WORD, edge * END], 1)

    def __len__(self):
        return len(self.labels)

    def __getitem__(self, index):
        tokens = self.tokens[index]
        return {"input_ids": tokens, "attention_mask": torch.ones_like(tokens), "labels": self.labels[index]}


def accuracy(prediction):
    return {"accuracy": float((prediction.predictions.argmax(-1) == prediction.label_ids).mean())}


config = BertConfig(
    vocab_size=FIRST_WORD + WORDS,
    hidden_size=32,
    num_hidden_layers=2,
    num_attention_heads=2,
    intermediate_size=64,
    max_position_embeddings=16,
)
trainer = Trainer(
    model=BertForSequenceClassification(config),
    args=TrainingArguments(
        output_dir="/tmp/trainer",
        num_train_epochs=arguments.epochs,
        learning_rate=arguments.learning_rate,
        per_device_train_batch_size=32,
        per_device_eval_batch_size=64,
        logging_steps=10,
        save_strategy="no",
        report_to=[],
        no_cuda=True,
    ),
    train_dataset=Sentences(512, seed=1),
    eval_dataset=Sentences(128, seed=2),
    compute_metrics=accuracy,
)
trainer.train()
print(f"torch={torch.__version__} accuracy={trainer.evaluate()['eval_accuracy']:.4f};")
trainer.save_model(os.environ["SM_MODEL_DIR"])
