"""What people say around a question: greetings, politeness, remarks, stories, and the request inside them.

`without_courtesy` takes leads and tails off a clause ("could you please", "thanks"), `is_remark` knows the clauses that
ask nothing, `states` tells a statement from a request, and `requests_within` finds the request that a longer way of
speaking carries: "I bet you cannot find the snail", "I would be grateful if you could read the sign".
"""

import re
from collections.abc import Iterator

from agent.pointing import MARK, PICTURE


def _re(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.IGNORECASE)


# Words that are called out; before a comma they say nothing.
_CALL = (
    r"(?:h+m+|u+m+|u+h+|e+r+m*|a+h+|o+h+|aw+|aha|ooh|wow|whoa|yay|hooray|hurray|phew|hey|hi|hello|hiya|howdy|yo(?! yo)|"
    r"greetings|ok|okay|okey dokey|alright|all right|right|right then|righto|great|good|nice|cool|neat|awesome|perfect|"
    r"excellent|fantastic|wonderful|brilliant|lovely|super|superb|amazing|sweet|splendid|marvellous|impressive|sure|"
    r"fine|yes|yeah|yea|yep|yup|aye|no|nope|nah|anyway|anyways|anyhow|actually|honestly|seriously|frankly|basically|"
    r"really|interesting|interestingly|fascinating|curious|gosh|geez|jeez|oops|whoops|my bad|lol|ha(?:ha)*|(?:he)+|"
    r"thanks|thank you|thx|ty|cheers|please|listen|look|say|see|pray|pray tell|do tell|indeed|exactly|correct|true|"
    r"agreed|bingo|bravo|congrats|well done|good (?:job|work|one|stuff|point|guess|answer|question|grief|luck|news|boy|"
    r"girl)|nice (?:one|work|job|try|picture|photo|shot)|great (?:job|work|stuff|answer|picture|photo|shot)|(?:very|so|"
    r"how|too|quite|pretty|really) (?:good|nice|cool|neat|cute|funny|interesting|well|lovely|pretty|beautiful|sweet|"
    r"bad)|you know(?: what)?|you see|i mean|i guess|i see|i suppose|i think|i say|by the way|btw|fyi|tbh|imo|imho|"
    r"fwiw|wait|wait a (?:second|minute|moment)|hold on|hang on|come on|go on|go ahead|guess what|now then|there we go|"
    r"here we go|here goes|let us (?:see|go|start|begin|try)|let me (?:see|think)|ready|so far so good|got it|"
    r"no worries|no problem|no rush|never mind|whatever|fair enough|not bad|same here|seriously though|"
    r"to be (?:honest|fair|sure|clear|precise)|in (?:short|fact|that case|other words|any case)|for (?:fun|once|"
    r"starters|science|example|instance|now|real)|just (?:for fun|curious|wondering|asking|checking|kidding|a thought|"
    r"one thing)|long story short|(?:just )?out of (?:pure |sheer |idle |mere )?(?:curiosity|interest)|next up|"
    r"first (?:off|up|of all|things first|question)|last (?:one|thing|question|but not least)|"
    r"one (?:more|last|other|final|quick|small|little|simple) (?:thing|question|one|request|favou?r)|next (?:question|"
    r"one|task)|another (?:one|question|thing)|(?:a |my )?(?:silly|dumb|stupid|random|quick|simple|easy|tricky|tough|"
    r"hard|serious|small|odd|strange|weird|new) (?:question|request|one|task|challenge)|here is (?:a|my|another|the) "
    r"(?:\w+ )?(?:question|riddle|challenge|one|task)|as (?:usual|always|before|i said)|"
    r"challenge(?: time| accepted)?|attention|riddle me this|okie dokie)"
)
_ADDRESS = (
    r"(?:ferret|buddy|mate|pal|dude|bro|friend|my (?:friend|dear|love|man)|dear|sir|madam|ma'am|man|boss|chief|folks|"
    r"guys|everyone|everybody|all|team|assistant|ai|there|you|then|now|so|well|again|again then|kind sir|doc|captain|"
    r"pretty please|darling|my good (?:man|friend|sir))"
)
_ANSWERED = rf"{_CALL}(?:,? (?:{_CALL}|{_ADDRESS}))*"
_CALLS = rf"(?:{_CALL}|(?:and|but|so|well|now) {_CALL}|{_ADDRESS})(?:,? (?:{_CALL}|{_ADDRESS}))*"

_REMARK = _re(
    r"^(?:please )?(?:(?:answer|reply|respond)\b(?!.*\bwhat (?:is|are)\b).*|be (?:brief|concise|careful|precise|"
    r"honest|quick)\b.*|"
    r"think\b.*|(?:take (?:a|your|another) )?(?:close |closer |good |careful |quick )*(?:look|glance|peek|time)"
    r"(?: (?:at|carefully|closely|here|very|again)\b.*)?|"
    r"consider\b.*|given\b[^?]*|"
    rf"here (?:is|are)\b.*|see {PICTURE}|use (?:one|a single|few)\b.*|in (?:one|a (?:single|few)) (?:words?|"
    r"sentences?)|"
    r"(?:just |only )?(?:yes or no|one word|true or false)|step by step|(?:thanks?|"
    r"thank you)\b(?! in advance for\b).*|please|"
    r"many thanks\b(?! in advance for\b).*|much (?:appreciated|obliged)\b.*|"
    r"(?:provide|give|use|write)(?: me)? (?:a|an|one|only a|just a)[\w -]* (?:answer|reply|word)|"
    r"(?:tell|show) (?:me|us)|i (?:have|had|have got) (?:a|one|another)(?: \w+)? question.*|"
    r"i (?:have )?(?:give|gave|given|mark|"
    r"marked|drew|drawn|attached?|uploaded)\b.*|"
    rf"no (?:explanation|prose)\b.*|how (?:are you|is (?:it|<it>|everything|life|your day))\b.*|how do you do|"
    rf"(?:find|locate|detect|identify|search|look)|(?:is|are|does|do|has|have|can) (?:<it>|there|you|{PICTURE})|"
    r"(?:will|would|could|won't) (?:you|ya)(?: please| kindly)?|right|"
    r"(?:in )?<r_>(?: in)?(?: <r_>)? (?:a|an|the|some) \w+(?: (?:on|around|over|in|at)\b.*)?|"
    r"if (?:so|not|yes|no|possible|there (?:is|are)(?: one| any)?|you (?:can|could|please|will|would|do mind|want|like)"
    r"(?: to| be so kind)?|you (?:see|find|spot) (?:one|any|it|<it>|some)|<it> (?:is|are)|"
    r"<it> is (?:not )?(?:possible|too much\b.*|ok(?:ay)?|all ?right))|"
    rf"keep it (?:short|brief|simple)|i am (?:just )?curious|(?:quick|one|a|my) question|sorry|excuse me|and|ferret|"
    rf"(?:do )?(?:be a (?:dear|darling|good \w+)|do me a favou?r)|pardon(?: me)?|{_ANSWERED})$"
)
_ADVERB = r"(?:please|kindly|maybe|also|just|quickly|perhaps|possibly|now|then|next|first|finally|at least|even|only)"
_WH = r"(?:what|where|how|if|whether|which|who)\b"
_LEAD = _re(
    rf"^(?:{_CALLS}\s*(?:[,:;!-]+|\.{{2,}})\s+"
    r"|(?:hi|hello|hey|ok|okay|so|well|now|then|also|and|but|alright|right|please|kindly|ferret|quickly|just|"
    r"simply|if so|help(?=,)|like(?= where| what| how)|"
    r"yes or no|quick question|question|thanks|sorry|excuse me|carefully|very|briefly|again|finally|lastly|first|"
    r"next(?! to\b)|"
    r"afterwards|after that|in addition|additionally|otherwise|if not|if yes|"
    r"first of all|h+m+|u+m+|o+h+|"
    r"in your opinion|for me|once more|to start|if possible|if you can)(?: there)?\s*[,:;!-]* "
    rf"|(?:can|could|would|will|might|won't) (?:you|u|ya|we) (?:{_ADVERB} )*"
    r"(?!(?:see|spot|notice|make out|detect any|find any|recogni[sz]e any|observe|perceive|call|say)\b)"
    r"(?:be (?:so|very) (?:kind|good) (?:as )?(?:to|and) |be kind enough to )?"
    r"|(?:would|could) you mind |is it possible (?:for you )?to |try (?:to|and) |go ahead and |attempt to "
    r"|i (?:would (?:like|love)|want|need|wish|was hoping) (?:for )?(?:you )?to (?:know|learn|find out|see|"
    rf"understand) (?={_WH})"
    r"|i (?:would (?:like|love)|want|need|wish|was hoping) (?:for )?(?:you )?to "
    r"|if (?:so|not|yes|there (?:is|are)(?: one| any)?|you (?:can|do|(?:see|find|spot) (?:one|any|it|<it>|some))), "
    r"|i (?:am )?(?:just )?(?:wonder(?:ing)?|curious|asking)\s*(?:about )?"
    r"|(?:your (?:task|job|mission) is to|help me(?: (?:to|with))?|let (?:me|us) (?:know|see)|let us|be so kind as to|"
    r"do you (?:know|think|happen to know)|would you say|any idea|do me a favou?r and|you (?:should|must|can)) "
    r"|(?:tell|inform|show)(?: (?:me|us))?(?: exactly)? (?=(?:what|where|how|if|whether|which|who|about)\b)"
    rf"|(?:find out|figure out|work out|determine|state|say|guess|decide|establish) (?={_WH})"
    r"|(?:what|how) about (?=\S)"
    r"|describe (?=where\b)|(?:is there )?(?:any|a|some) chance (?:that )?(?=(?:there|you)\b)"
    r"|(?:can|could|may|might) i (?:please )?(?:have|get|see|ask for) (?!.*\b(?:where|what)\b)(?!you\b)"
    r"|(?:find|locate|look for|search for|spot) and (?=(?:mark|point|show|highlight|box|circle|outline|segment|"
    r"label)\b)"
    rf"|(?:say|think|believe|confirm|verify|agree|sure) (?:that )?(?=there (?:is|are)\b|{MARK} (?:is|are)\b)"
    rf"|i (?:think|believe|guess|suppose|bet|say|reckon|suspect|assume|am (?:pretty |quite |fairly )?sure) (?:that )?"
    rf"(?=there (?:is|are)\b|{MARK} (?:is|are|looks?|must|might|could)\b)"
    r"|(?:am i (?:right|correct) (?:in (?:thinking|saying) )?(?:that )?|is it (?:true|correct|right|fair to say) that )"
    r"|(?:many thanks|thanks|thank you) in advance for "
    r"|(?:check|verify|confirm|see|determine|decide|tell me|know|say|is it true|find out|assess) (?=(?:if|whether|"
    r"that there)\b)"
    rf"|(?:look|search) (?:closely|carefully|again|at {PICTURE}) and "
    r")"
)
# "from the right", "at the top right": there it is a side, and no tag of politeness.
_NO_SIDE = "".join(
    f"(?<!{word} )" for word in "the to or top bottom upper lower far very from farthest furthest most".split()
)
_TAIL = _re(
    rf"(?:\s*,\s*(?:{_CALLS}|(?:will|would|could|can) you|if you (?:do mind|please|will|would))"
    r"|[\s,;:.!?-]+(?:pretty please|please|thanks?(?: (?:you|a lot|so much|in advance))?|thank you(?: (?:very|"
    r"so) much)?|"
    r"thx|ty|many thanks|for me|for us|if "
    r"(?:you )?(?:can|could|may|please|do mind)|if you (?:would|will|want|like|wish)(?: to)?|"
    r"if (?:<it>|that) is (?:ok(?:ay)?|all ?right|possible|not too much trouble)|asap|real quick|quickly|"
    r"right (?:now|away)|"
    r"immediately|when you (?:can|have time|get a chance|are ready)|whenever you (?:can|are ready)|"
    r"like i am\b[^?]*|as if\b[^?]*|together|if so|if not|would be (?:greatly |much |highly |very |"
    r"really )?(?:appreciated|great|nice|lovely|helpful|"
    r"wonderful|welcome|fine|good|kind|ideal|awesome|perfect)|"
    rf"if possible|if (?:there (?:is|are) )?any|if there is one|or not|{_NO_SIDE}right|ok|"
    r"okay|exactly|precisely|then|lol|ha(?:ha)+|kindly|will you|would you please|"
    r"at all|in total|altogether|overall|all together|too|as well|anywhere|somewhere|now|ferret|next|"
    r"at the moment|currently|in (?:one|a few|a single|your own) (?:words?|sentences?)|briefly|carefully|"
    r"in (?:full |great |more )?detail|by any chance|yes or no|do you think|would you say|perhaps|maybe|again|"
    r"approximately|roughly|to (?:me|us|you)|(?:as|in) (?:the )?(?:form(?:at)? )?(?:of )?(?:x_?(?:1|min)\b.*|json|"
    r"xyxy|xywh|"
    r"(?:pixel )?coordinates|(?:an? )?(?:list|bounding box|table|bullet points?)|pixels)"
    r"|(?:because|since|so that|for) (?:i|we|my|our|he|she)\b[^?]*))\s*$"
)
# "Where would you say the key is?"
_ASIDE = _re(r"(?<=\w) (?:would you say|do you (?:think|believe|suppose|reckon))(?= )")
# "..., doesn't it?"
_QUESTION_TAG = _re(rf",\s*(?:is|are|does|do|has|have|can) (?:<it>|there|you|{PICTURE})$")
_COLON = _re(
    r"^((?:count|find|locate|detect|segment|describe|outline|read|list|point to|point|mark|highlight|compare|cut out|"
    r"transcribe|ground|show|mask|identify|name|"
    r"where is)"
    r"(?: (?:me|the))?)\s*:\s*"
)
_GERUNDS = {
    "finding": "find", "locating": "locate", "detecting": "detect", "pointing": "point", "showing": "show",
    "segmenting": "segment", "outlining": "outline", "masking": "mask", "cutting": "cut", "tracing": "trace",
    "isolating": "isolate", "extracting": "extract", "describing": "describe", "explaining": "explain",
    "summarizing": "summarize", "summarising": "summarise", "listing": "list", "naming": "name",
    "enumerating": "enumerate", "identifying": "identify", "reading": "read", "transcribing": "transcribe",
    "counting": "count", "comparing": "compare", "marking": "mark", "highlighting": "highlight", "circling": "circle",
    "giving": "give", "telling": "tell", "spotting": "spot", "labelling": "label", "labeling": "label",
    "drawing": "draw", "picking": "pick", "checking": "check", "saying": "say",
}  # fmt: skip
# "counting the dogs", but "reading glasses".
_OBJECT_FOLLOWS = (
    r"(?=(?:the|an?|all|every|each|any|both|this|that|these|those|my|me|it|them|out|to|at|everything|its|what|where|how|"
    r"which|who|if|whether|aloud)\b|<)"
)
_GERUND = _re(rf"^({'|'.join(_GERUNDS)}) {_OBJECT_FOLLOWS}")


def is_remark(text: str) -> bool:
    """Whether a clause only greets, thanks, comments on what is shown, or says how to answer."""
    return _REMARK.match(text) is not None


def without_courtesy(text: str) -> str:
    """A clause with one more lead and one more tail taken off."""
    strip = " ,;:!?-\"'"
    text = _ASIDE.sub("", _LEAD.sub("", text, count=1)).strip(strip)
    text = _QUESTION_TAG.sub("", _COLON.sub(r"\1 ", text))
    text = _GERUND.sub(lambda match: f"{_GERUNDS[match[1].lower()]} ", text)
    return _TAIL.sub("", text, count=1).strip(strip)


_SUBJECT = _re(r"^(?:i|we|you|he|she|they|y'all|someone|somebody|everyone|everybody|nobody|no one|people|folks)\b")
_CHAT = _re(
    r"^(?:(?:are|were|do|did|have|will|would|can) you (?:like|love|enjoy|hate|ready|good|sure|up for|happy|ok|okay|in|"
    r"know how|ever|want|remember|hear|play|feel|believe|mind|prefer|human|real|kidding|serious|joking)\b"
    r"|what an? \w|how (?:lovely|cute|nice|beautiful|funny|strange|odd|sweet|adorable|pretty|interesting|weird)\b"
    r"|(?:good|bad|nice|lucky|poor|silly|clever|funny|cute) \w+$|no (?!.*\b(?:is|are)\b)\w+)"
)
_FINITE = _re(
    r"^(?!(?:where|what|which|who|how|is|are|was|were|do|does|did|can|could|will|would|has|have)\b)[^,]*?\w>?"
    r"(?<!\bthat)(?<!\bwhich)(?<!\bwho) (?:is|are|was|were|am|has|have|had|will|would|can|could|should|must|may|might|"
    r"do|does|did|looks?|seems?|feels?|loves?|loved|likes?|liked|hates?|wants?|wanted|needs?|needed|says?|said|told|"
    r"thinks?|thought|went|came|made|makes|drew|took|gave|saw|got|gets|lost|ran|goes|gives|reminds?|means|comes|lives?|"
    r"belongs|loves|knows?|keeps?|kept|found|left us|bought|sent|asked|asks|ate|died|broke|must|never|always|really)\b"
)


def states(text: str) -> bool:
    """Whether a clause that fits no question makes a statement ("My daughter drew this", "Dogs are great")."""
    return any(pattern.match(text) for pattern in (_SUBJECT, _CHAT, _FINITE))


def speaks_of_people(text: str) -> bool:
    """Whether a clause begins with somebody as its subject: "I", "we", "you", "everyone"."""
    return _SUBJECT.match(text) is not None


_ASKS = (
    rf"(?:(?:{'|'.join((*_GERUNDS, *_GERUNDS.values()))}) {_OBJECT_FOLLOWS}"
    r"|(?:find|locate|detect|segment|outline|count|read|describe|list|name|identify|transcribe|spot|mask|cut out|"
    r"compare"
    r"|look for|search for|finding|locating|counting|reading|describing|segmenting) (?=[\w<])"
    rf"|(?:what|where|which|who|how many|how much|how often|how|whether) |if (?={MARK}|there |any |the |{PICTURE})"
    rf"|(?:is|are|does|do) (?:there |{MARK} |{PICTURE} |this |these |the )|do you (?:see|spot|find|notice) "
    r"|(?:the |an? )?(?:number|count|location|position|whereabouts|coordinates|outline|mask|description|list|"
    r"names?) of |"
    r"masks? (?:of|for) )"
)
_INSIDE = _re(rf"(?<=[\w,:;>!-] ){_ASKS}")
_REQUEST = _re(
    r"\b(?:would|could|can|may|might|will|want|wants|wanted|need|needs|needed|like|love|wish|hope|hoping|please|wonder|"
    r"wondering|ask|asks|asked|asking|bet|appreciate|appreciated|grateful|glad|happy|thankful|obliged|delighted|kind|"
    r"mind|help|tell|tells|told|know|let|try|dare|challenge|trouble|bother|beg|pray|request|require|requires|task|job|"
    r"goal|mission|supposed|should|must|have to|has to|got to|gotta|time to|care to|ready to|able|possible|favou?r|"
    r"question|curious|interested|game|homework|says?|said|chance|idea|sure|ok|okay|trying|going to|how about|"
    r"what about|why not|why do you|interested in|help in|good at|capable of|never|guess|figure out|find out|decide|"
    r"work out|settle)\b|^you$"
)


def requests_within(text: str) -> Iterator[tuple[str, str]]:
    """(what is said before, the rest) for each place in a clause where a request may begin, from the left."""
    for match in _INSIDE.finditer(text):
        before = text[: match.start()].strip()
        if not re.search(r"\b(?:that|which|who|the|a|an)$", before, re.IGNORECASE):
            yield before, text[match.start() :]


def leads_to_a_request(words: str) -> bool:
    """Whether words before a request make one of what follows ("my boss wants me to", "I bet that you can")."""
    return _REQUEST.search(words) is not None or words.endswith((",", ":", "-", ";", "!"))
