"""The conversation in the terminal.

    conversation   the loop: questions, and commands that begin with a slash
    lines          where lines come from: a prompt with history and completion, or a pipe
    screen         how a turn is shown while it goes on
    graphics       pictures in terminals that can show them
"""
