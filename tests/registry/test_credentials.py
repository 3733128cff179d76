"""The net for credentials: what is caught, and ordinary prose that is not."""

from __future__ import annotations

import pytest

from governance.errors import SecretInMetadataError
from governance.registry.credentials import check_no_secret, check_no_secret_inside

# Shapes only; none of these was ever valid.
CAUGHT = [
    "HTTPS://user:pw@host.example",
    "redis://:pw@host",
    "PostgreSQL://u:hunter2@db/x",
    "https://hooks.slack.com/services/T0000/B0000/" + "X" * 24,
    "HTTPS://HOOKS.SLACK.COM/workflows/T0000/A0000",
    "password=hunter",
    "PGPASSWORD=hunter2 psql",
    "Server=db;Uid=u;Pwd=hunter2;",
    'password: "hunter"',
    '{"password": "hunter"}',
    "password: hunter22",
    "AWS_SECRET_ACCESS_KEY=wJalrXUtnFEMI/K7MDENG/bPxRfiCY",
    "aws_secret_access_key = wJalrXUtnFEMI/K7MDENG/bPxRfiCY",
    "https://api.example.org/v1?access_token=abcdef123456",
    "api_key: abcdef12345",
    "token=abcdefgh12345678",
    "npm_" + "a1" * 18,
    "hf_" + "aB" * 17,
    "SG." + "a" * 22 + "." + "b" * 43,
    "ASIA" + "A1" * 8,
    "gov_" + "0a" * 6 + "_" + "aB-_" * 10 + "cde",
]
TAKEN = [
    "the password is in the vault, ask ann",
    "password: see the vault",
    "password = very important, do not write it down",
    "the passwords differ; passwords: 3 changed",
    "password=$PGPASSWORD",
    "password=${DB_PASSWORD}",
    "password=<your password>",
    "password=None",
    "password: https://wiki.example.org/page1",
    "api_key=os.environ['KEY1']",
    "api_key: none was needed",
    "max_tokens=4096",
    "token=4096",
    "pad_token=[PAD]",
    "tokenizer=bert-base-uncased-2018",
    "secret: nobody knows why fold 12 is worse",
    "the risk-adjusted-return-of-the-portfolio-since-2013 fell",
    "hf_learning_rate_schedule_of_the_large_model_2",
    "npm_config_registry was changed",
    "hooks.slack.com did not answer",
    "http://localhost:8080/runs/7@latest",
    "at 10:30: ann@example.org looked at it",
    "s3://bucket/path",
]


@pytest.mark.parametrize("text", CAUGHT, ids=range(len(CAUGHT)))
def test_a_credential_is_caught_in_the_middle_of_a_text_and_not_repeated(text: str) -> None:
    for whole in (text, f"see {text} and mend it"):
        with pytest.raises(SecretInMetadataError) as refusal:
            check_no_secret(whole, where="reason")
        assert text not in str(refusal.value)


@pytest.mark.parametrize("text", TAKEN, ids=range(len(TAKEN)))
def test_ordinary_prose_raises_no_alarm(text: str) -> None:
    assert check_no_secret(text, where="reason") == text


def test_a_key_that_is_given_a_secret_is_caught() -> None:
    for value in ({"password": "hunter"}, {"db": [{"API_KEY": "abcdef12345"}]}):
        with pytest.raises(SecretInMetadataError):
            check_no_secret_inside(value, where="config")
    check_no_secret_inside(
        {"password": None, "pad_token": "[PAD]", "token": "bos", "password_set": "yes"}, where="x"
    )


@pytest.mark.parametrize(
    "text",
    ["password: ", "api_key=", "token=a", "token=a1", "a://:", "x" * 31 + "://:", "SG.", "hf_"],
)
def test_the_net_takes_a_long_text_in_linear_time(text: str) -> None:
    """Quadratic, each of these would take minutes."""
    check_no_secret_inside({"long": text * ((1 << 20) // len(text))}, where="x")
