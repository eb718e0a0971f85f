from ..running import RunningProject

EXPANSIONS = [
    ("${GIVEN}", "given"),
    ("a${GIVEN}b", "agivenb"),
    ("[${ABSENT}]", "[]"),
    ("${ABSENT:-default}", "default"),
    ("${EMPTY:-default}", "default"),
    ("${GIVEN:-default}", "given"),
    ("${ABSENT:-}", ""),
    ("${ABSENT:-${GIVEN}}", "given"),
    ("${ABSENT:-a ${GIVEN} and ${ABSENT:-more}}", "a given and more"),
    ("${ABSENT:-http://127.0.0.1:80/?a=b}", "http://127.0.0.1:80/?a=b"),
    ("$SHELL_ONLY", "shell"),
    ("$${SHELL_ONLY}", "shell"),
    ("$${ABSENT:-shell default}", "shell default"),
    ("$$(echo command)", "command"),
    ("$(echo command)", "command"),
    (r"back\\slash", r"back\slash"),
    (r"sl\/ash", "sl/ash"),
    (r"one\two", r"one\two"),
    ("${SPECIAL}", "a:b #c"),
]


def test_expansion_of_the_text_of_the_file(project: RunningProject) -> None:
    commands = "".join(
        f"""
          case-{number}:
            command: |
              printf '%s' "{written}" > result-{number}
            environment: [SHELL_ONLY=shell]"""
        for number, (written, _) in enumerate(EXPANSIONS)
    )
    project.up(
        f"""
        processes:{commands}
        """,
        GIVEN="given",
        EMPTY="",
        SPECIAL="a:b #c",
    )
    assert project.exit_status() == 0
    results = [
        (written, (project.folder / f"result-{number}").read_text())
        for number, (written, _) in enumerate(EXPANSIONS)
    ]
    assert results == EXPANSIONS


def test_expansion_happens_before_yaml_is_read(project: RunningProject) -> None:
    project.up(
        """
        # ${GIVEN} in a comment does no harm
        processes:
          ${NAME:-show}:
            command: echo $PC_PROC_NAME >> events
            ${EXTRA}
        """,
        EXTRA="environment: [PC_PROC_NAME=from the extra line]",
    )
    assert project.exit_status() == 0
    assert project.events() == ["from the extra line"]


def test_a_process_gets_the_environment_of_the_caller_the_project_and_itself(
    project: RunningProject,
) -> None:
    project.up(
        """
        environment:
          - B=project
          - C=project
          - URL=postgresql://user:secret@host/db?a=b
        processes:
          show:
            command: echo "$A $B $C $URL $PC_PROC_NAME $PC_REPLICA_NUM" >> events
            environment:
              - C=process
        """,
        A="caller",
        B="caller",
        C="caller",
    )
    assert project.exit_status() == 0
    assert project.events() == [
        "caller project process postgresql://user:secret@host/db?a=b show 0"
    ]


def test_a_process_runs_in_its_working_directory(project: RunningProject) -> None:
    (project.folder / "é ü").mkdir()
    project.up("""
        processes:
          inner: {command: echo inner >> events, working_dir: "é ü"}
          outer: {command: echo outer >> events}
    """)
    assert project.exit_status() == 0
    assert project.events() == ["outer"]
    assert (project.folder / "é ü" / "events").read_text() == "inner\n"


def test_a_working_directory_that_is_not_there_is_a_failure(project: RunningProject) -> None:
    project.up("""
        processes:
          inner:
            command: echo inner >> events
            working_dir: absent
            availability: {restart: exit_on_failure}
    """)
    assert project.exit_status() == 1
    assert project.events() == []


def test_commands_run_in_bash_with_nothing_to_read(project: RunningProject) -> None:
    project.up("""
        processes:
          show: {command: 'read line || echo "nothing, ${BASH_VERSION:-bash}" >> events'}
    """)
    assert project.exit_status() == 0
    assert project.events() == ["nothing, bash"]


def test_another_shell_can_be_configured(project: RunningProject) -> None:
    project.up("""
        shell: {shell_command: sh, shell_argument: -c}
        processes:
          show: {command: 'echo "$0" >> events'}
    """)
    assert project.exit_status() == 0
    assert project.events() == ["sh"]


def test_yaml_anchors_and_x_keys_can_hold_shared_parts(project: RunningProject) -> None:
    project.up("""
        is_strict: true
        x-service: &service
          command: echo $PC_PROC_NAME >> events
          availability: {restart: "no"}
        processes:
          one: {<<: *service}
          two: {<<: *service, x-note: mine, depends_on: {one: {condition: process_completed}}}
    """)
    assert project.exit_status() == 0
    assert project.events() == ["one", "two"]
