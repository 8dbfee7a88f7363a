"""Two quiet sets of colours for code, each readable on its page (WCAG AA against the code's ground)."""
from pygments.style import Style
from pygments.token import Comment, Error, Generic, Keyword, Literal, Name, Number, Operator, String, Text, Token


class Day(Style):
    background_color = '#f8f7f3'
    default_style = ''
    styles = {
        Token: '#24292f', Text: '#24292f', Error: '#24292f',
        Comment: 'italic #5d6b62', Comment.Preproc: 'noitalic #7a4a12', Comment.PreprocFile: 'noitalic #7a4a12',
        Keyword: '#8a1f4b', Keyword.Type: '#0b5d77', Operator.Word: '#8a1f4b',
        Name.Function: '#1d4ca3', Name.Builtin: '#0b5d77', Name.Class: '#0b5d77',
        Name.Label: '#7a4a12', Number: '#7a4a12', Literal: '#7a4a12', String: '#2f6b2f', String.Escape: '#7a4a12',
        Generic.Prompt: 'bold #5d6b62', Generic.Output: '#4b535c', Generic.Error: '#a3262a',
    }


class Night(Style):
    background_color = '#1b1f24'
    default_style = ''
    styles = {
        Token: '#d5d9de', Text: '#d5d9de', Error: '#d5d9de',
        Comment: 'italic #93a399', Comment.Preproc: 'noitalic #dba86f', Comment.PreprocFile: 'noitalic #dba86f',
        Keyword: '#f094b6', Keyword.Type: '#7cc7df', Operator.Word: '#f094b6',
        Name.Function: '#93b8f5', Name.Builtin: '#7cc7df', Name.Class: '#7cc7df',
        Name.Label: '#dba86f', Number: '#dba86f', Literal: '#dba86f', String: '#9ccf92', String.Escape: '#dba86f',
        Generic.Prompt: 'bold #93a399', Generic.Output: '#b3bac2', Generic.Error: '#f28b82',
    }
